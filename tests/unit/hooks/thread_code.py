"""Modules of hooks that run on threads, and the calls that they are given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from egxds.extension.forms import FORMS
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.inprocess.thread_caller import ThreadCaller
from egxds.settings.extensions import Hook
from tests.unit.hooks.extensions import ALL_HOOKS, manager, record, unchanged
from tests.unit.hooks.gateways import translation

CALLS: dict[Hook, HookCall] = {
    call.hook: call for batch in reversed(record(translation(), (manager(),), unchanged)[1]) for call in batch[:1]
}
LIMIT_S = 30.0


class Code:
    """A directory with one module of the user's."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name

    def manager(self, body: str, target: str = "Mine", hooks: tuple[str, ...] = (), **more: Any) -> Any:
        """Write the module, and return the settings that load it; they ask for all that it defines if for no other."""
        hooks = hooks or tuple(hook.value for hook, form in FORMS.items() if f"def {form.function}(" in body)
        location = "import time\nfrom egxds.extension import *\nfrom egxds.extension import Hooks\n"
        (self.directory / f"{self.name}.py").write_text(location + dedent(body))
        service = {"python": f"{self.name}:{target}", "path": ["."], "isolation": "thread"}
        return manager(self.name, hooks=hooks or ALL_HOOKS, service=service, **more)

    @asynccontextmanager
    async def caller(self, body: str, **more: Any) -> AsyncIterator[ThreadCaller]:
        """Load the module until the block is left."""
        caller = ThreadCaller(self.manager(body, **({"timeout": "20s"} | more)), self.directory)
        await caller.start()
        yield caller
        await caller.aclose()


def failed(outcome: HookReply | HookFailure) -> HookFailure:
    """Return a failure as such."""
    assert isinstance(outcome, HookFailure), outcome
    return outcome


ECHO = """
class Mine:
    async def route(self, route, context): return route
    async def endpoints(self, endpoints, context): return endpoints
    async def cluster(self, cluster, context): return cluster
    async def virtual_host(self, host, context): return host
    async def http_listener(self, listener, context): return listener
    async def translation(self, resources, context): return resources
"""
