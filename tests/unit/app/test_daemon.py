"""The daemon, in this process."""

from __future__ import annotations

import signal
from pathlib import Path

import anyio
import pytest
from anyio import from_thread
from structlog.testing import capture_logs

from egxds.app.daemon import Daemon
from egxds.inspect.events.changes import ChangeGatherer
from egxds.inspect.objects import ObjectView
from egxds.inspect.problem_book import ProblemChanges
from egxds.settings.daemon import Settings
from tests.unit.app.files import GATEWAY

pytestmark = pytest.mark.anyio

DEADLINE_S = 20.0


@pytest.mark.parametrize(
    ("owner", "method", "event"),
    [(ObjectView, "note", "app.report_failed"), (ChangeGatherer, "gather", "app.events_failed")],
)
async def test_a_report_that_fails_keeps_no_envoy_waiting(
    owner: type[object], method: str, event: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What people look at cannot be made, by a defect: it is logged, and Envoys are served all the same."""
    failed = anyio.Event()

    def fail(*_arguments: object) -> ProblemChanges:
        from_thread.run_sync(failed.set)
        raise RuntimeError("a defect")

    monkeypatch.setattr(owner, method, fail)
    (tmp_path / "one.yaml").write_text(GATEWAY.format(name="one", port=8081))
    settings = Settings.model_validate(
        {
            "sources": {"files": {"paths": ["."]}},
            "xds": {"address": "127.0.0.1:0"},
            "admin": {"address": "127.0.0.1:0"},
        }
    )
    daemon = Daemon(settings, tmp_path)
    with capture_logs() as logs, anyio.fail_after(DEADLINE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(daemon.run)
            await daemon.ready.wait()
            await failed.wait()
            signal.raise_signal(signal.SIGTERM)
    assert event in {entry["event"] for entry in logs}
    assert daemon.gateway_classes() == {"egxds"}
