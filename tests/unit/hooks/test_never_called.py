"""A function that nobody asks for is said in the log, wherever the object runs, and once."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.hooks.inprocess.process_caller import ProcessCaller
from egxds.hooks.inprocess.thread_caller import ThreadCaller
from tests.unit.hooks.extensions import manager

pytestmark = pytest.mark.anyio

LIMIT_S = 30.0
MODULE = """
class Mine:
    async def virtual_host(self, host, context):
        return host

    async def cluster(self, cluster, context):
        return cluster
"""


async def until_loaded(logs: Sequence[MutableMapping[str, Any]], times: int) -> None:
    """Wait until the log says so many times that the object was loaded."""
    with anyio.fail_after(LIMIT_S):
        while [each["event"] for each in logs].count("hook.loaded") < times:  # noqa: ASYNC110 a log has no event
            await anyio.sleep(0.01)


@pytest.mark.parametrize("kind", [ThreadCaller, ProcessCaller])
async def test_a_function_that_is_never_called_is_said(
    tmp_path: Path, kind: type[ThreadCaller | ProcessCaller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do; a reload says nothing again."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "said_hooks.py").write_text(MODULE)
    isolation = "thread" if kind is ThreadCaller else "process"
    service = {"python": "said_hooks:Mine", "path": ["."], "isolation": isolation}
    caller = kind(manager("shop", hooks=("VirtualHost",), service=service), tmp_path)
    with capture_logs() as logs:
        await caller.start()
        await until_loaded(logs, 1)
        caller.reload()
        await until_loaded(logs, 2)
        await caller.aclose()
    (said,) = (each for each in logs if each["event"] == "hook.not_asked")
    assert said["note"] == (
        "service.python of extension shop: said_hooks:Mine: "
        "cluster is never called: add Cluster to hooks.xdsTranslator.post, or delete it"
    )
