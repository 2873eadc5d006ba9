"""Calls hooks that are Python functions of the user's, on threads of this process. Awaits, loads code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from egxds.errors import FailureReason, StartError
from egxds.extension.answers import Fault, FaultKind
from egxds.extension.asking import FunctionAsker
from egxds.extension.loading import hook_functions, load_object, unasked_functions
from egxds.extension.places import OwnFiles
from egxds.hooks.calls import HookCall, HookFailure, HookReply, describe_manager
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import log


class InProcessCaller:
    """Calls the hooks of one object.

    Attributes:
        says_not_serving: never; there is no server that could say so.
        losses: none; there is no connection that could be lost.
    """

    says_not_serving = False
    losses = 0

    def __init__(self, manager: ExtensionManager, base: Path) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            manager: names the object, and says how long a call may take.
            base: directory that relative paths of the settings start from.
        """
        self._manager = manager
        self._base = base
        self._asker: FunctionAsker | None = None

    async def start(self) -> None:
        """Load the object.

        Raises:
            StartError: it cannot be loaded, or is not what the settings ask for.
        """
        service = self._manager.service
        where = f"service.python of {describe_manager(self._manager.name)}: {service.python}"
        paths = tuple(self._base / path for path in service.path)
        try:
            loaded = load_object(service.python or "", paths)
            asked = self._manager.hooks.xds_translator.post
            functions = hook_functions(loaded, asked)
        except StartError as err:
            raise StartError(f"{where}: {err}") from err
        for said in unasked_functions(loaded, asked):
            log.warning("hook.not_asked", manager=self._manager.name, note=f"{where}: {said}")
        name = f"hooks of {describe_manager(self._manager.name)}"
        self._asker = FunctionAsker(functions, name, OwnFiles(tuple(f"{path}/" for path in paths)))

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call, within the manager's `timeout`.

        Returns:
            The reply; or why there is none, which is never an exception.
        """
        if self._asker is None:
            return HookFailure(FailureReason.CONNECT, "the hooks are not loaded")
        outcome = await self._asker.ask(call.hook, call.request, self._manager.call_timeout)
        if isinstance(outcome, Fault):
            return failure_of(outcome)
        return HookReply(outcome.message, outcome.size_bytes)

    async def watch(self, on_serving: Callable[[], None]) -> None:
        """Return: there is no server to listen to."""

    async def aclose(self) -> None:
        """End the event loop of the functions; calls under way are cancelled."""
        if self._asker is not None:
            self._asker.close()


def failure_of(fault: Fault) -> HookFailure:
    """Say as a failed call why a function gave no answer."""
    match fault.kind:
        case FaultKind.UNFIT:
            return HookFailure(FailureReason.INVALID, fault.message)
        case FaultKind.OVERDUE | FaultKind.BLOCKED:
            return HookFailure(FailureReason.DEADLINE, fault.message)
        case FaultKind.REFUSED:
            return HookFailure(FailureReason.STATUS, f"FAILED_PRECONDITION: {fault.message}", "FAILED_PRECONDITION")
        case FaultKind.MISSING:
            return HookFailure(FailureReason.STATUS, f"UNIMPLEMENTED: {fault.message}", "UNIMPLEMENTED")
        case FaultKind.RAISED:
            return HookFailure(FailureReason.STATUS, f"UNKNOWN: {fault.message}", "UNKNOWN")
