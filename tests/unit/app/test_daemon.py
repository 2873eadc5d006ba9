"""The daemon, in this process."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import anyio
import pytest
from anyio import from_thread, to_thread
from structlog.testing import capture_logs

from egxds.app.daemon import Daemon
from egxds.app.live_settings import SettingsFile
from egxds.app.pipeline import Build, Pipeline
from egxds.inspect.events.changes import ChangeGatherer
from egxds.inspect.objects import ObjectView
from egxds.inspect.problem_book import ProblemChanges
from egxds.settings.daemon import Settings
from tests.unit.app.files import GATEWAY

pytestmark = pytest.mark.anyio

DEADLINE_S = 20.0
SETTINGS = {
    "sources": {"files": {"paths": ["."]}},
    "xds": {"address": "127.0.0.1:0"},
    "admin": {"address": "127.0.0.1:0"},
}


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
    settings = Settings.model_validate(SETTINGS)
    daemon = Daemon(settings, SettingsFile(tmp_path / "egxds.yaml", lambda: settings))
    with capture_logs() as logs, anyio.fail_after(DEADLINE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(daemon.run)
            await daemon.ready.wait()
            await failed.wait()
            signal.raise_signal(signal.SIGTERM)
    assert event in {entry["event"] for entry in logs}
    assert daemon.build is not None
    assert {each.class_name for each in daemon.build.translations.values()} == {"egxds"}


async def test_a_reload_that_fails_is_over_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was served is: a service manager that was told of the reload is told of its end, too."""
    (tmp_path / "one.yaml").write_text(GATEWAY.format(name="one", port=8081))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        settings = Settings.model_validate(SETTINGS)
        daemon = Daemon(settings, SettingsFile(tmp_path / "egxds.yaml", lambda: settings))

        async def next_state() -> str:
            while (message := (await to_thread.run_sync(manager.recv, 4096)).decode()).startswith(
                ("STATUS=", "EXTEND_")
            ):
                pass
            return message.splitlines()[0]

        def fail(*_arguments: object) -> Build:
            raise RuntimeError("a defect")

        with capture_logs() as logs, anyio.fail_after(DEADLINE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(daemon.run)
                assert await next_state() == "READY=1"
                monkeypatch.setattr(Pipeline, "run", fail)
                signal.raise_signal(signal.SIGHUP)
                assert [await next_state(), await next_state()] == ["RELOADING=1", "READY=1"]
                signal.raise_signal(signal.SIGTERM)
    assert "app.reload_failed" in {entry["event"] for entry in logs}
