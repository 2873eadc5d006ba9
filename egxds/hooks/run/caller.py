"""The way in which an extension is called, and by whom it is kept open. Awaits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import anyio

from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.inprocess.process_caller import ProcessCaller
from egxds.hooks.inprocess.thread_caller import ThreadCaller
from egxds.hooks.remote.client import ExtensionClient
from egxds.hooks.remote.pem import SecretFinder
from egxds.settings.extensions import ExtensionManager


class Caller(Protocol):
    """The way in which an extension is called: over a connection, in a child process, or within this one."""

    @property
    def says_not_serving(self) -> bool:
        """Whether the extension says of itself that it does not serve."""

    @property
    def losses(self) -> int:
        """How often what it said has ceased to hold: another server may answer, or the same one otherwise."""

    @property
    def fault(self) -> str:
        """Why its newest code is not what is asked; empty where it is, and where that shows in calls."""

    def attend(self) -> None:
        """Notice from now on when what it said ceases to hold, though it was not called yet."""

    def reload(self) -> None:
        """Have its code loaded again, where that is ours to do."""

    async def start(self) -> None:
        """Get ready; raise StartError where the settings name what cannot be used."""

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call within the manager's `timeout`; raise nothing."""

    async def watch(self, on_renewed: Callable[[], None]) -> None:
        """Call back when what was said has ceased to hold, and it can be asked; until cancelled or never to happen."""

    async def aclose(self) -> None:
        """Let go of everything; calls under way fail."""


class Users:
    """Counts the runs that an extension is kept open for."""

    def __init__(self) -> None:
        self._count = 0
        self._left = anyio.Event()

    def came(self) -> None:
        """Count one more."""
        self._count += 1

    def left(self) -> None:
        """Count one less."""
        self._count -= 1
        self._left.set()

    async def all_left(self) -> None:
        """Wait until there is none."""
        while self._count:
            self._left = anyio.Event()
            await self._left.wait()


def caller_of(manager: ExtensionManager, base: Path, secrets: SecretFinder) -> Caller:
    """Return the way to an extension, as its settings describe it.

    Args:
        manager: its settings.
        base: directory that relative paths start from.
        secrets: finds Secrets with certificates.
    """
    if manager.service.python is not None:
        return ProcessCaller(manager, base) if manager.service.isolation == "process" else ThreadCaller(manager, base)
    return ExtensionClient(manager, base, secrets)
