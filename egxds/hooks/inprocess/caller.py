"""Calls hooks that are Python functions of the user's, where they cannot hold up anything. Awaits, loads code."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio

from egxds.errors import FailureReason, StartError
from egxds.extension.forms import FORMS, Form, UnfitResultError
from egxds.extension.functions import HookFunction
from egxds.extension.loading import hook_functions, load_object, unasked_functions
from egxds.hooks.calls import HookCall, HookFailure, HookReply, describe_manager
from egxds.hooks.inprocess.worker_loops import WorkerLoops
from egxds.settings.extensions import ExtensionManager, Hook
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
        self._functions: dict[Hook, HookFunction] = {}
        self._workers = WorkerLoops(f"hooks of {describe_manager(manager.name)}")

    async def start(self) -> None:
        """Load the object.

        Raises:
            StartError: it cannot be loaded, or is not what the settings ask for.
        """
        service = self._manager.service
        where = f"service.python of {describe_manager(self._manager.name)}: {service.python}"
        try:
            loaded = load_object(service.python or "", tuple(self._base / path for path in service.path))
            asked = self._manager.hooks.xds_translator.post
            self._functions = hook_functions(loaded, asked)
        except StartError as err:
            raise StartError(f"{where}: {err}") from err
        for said in unasked_functions(loaded, asked):
            log.warning("hook.not_asked", manager=self._manager.name, note=f"{where}: {said}")

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call, within the manager's `timeout`.

        Returns:
            The reply; or why there is none, which is never an exception.
        """
        form, function = FORMS[call.hook], self._functions.get(call.hook)
        if function is None:
            answer = form.reply(call.request, None)
            return HookReply(answer.message, answer.size_bytes)
        worker = await self._workers.worker()
        if worker is None:
            blocked = "every thread for hooks is blocked by a call that has not returned"
            return HookFailure(FailureReason.DEADLINE, f"{blocked}; a hook must await, not block")
        with anyio.move_on_after(self._manager.call_timeout):
            return await worker.run(partial(_invoke, form, function, call.request))
        worker.suspect()
        return HookFailure(FailureReason.DEADLINE, f"no reply within {self._manager.call_timeout:g} s")

    async def watch(self, on_serving: Callable[[], None]) -> None:
        """Return: there is no server to listen to."""

    async def aclose(self) -> None:
        """End the event loop of the functions; calls under way are cancelled."""
        self._workers.close()


async def _invoke(form: Form, function: HookFunction, request: bytes) -> HookReply | HookFailure:
    """Call a function; runs on the functions' own event loop."""
    try:
        result = await function(*form.arguments(request))
        answer = form.reply(request, result)
    except UnfitResultError as err:
        return HookFailure(FailureReason.INVALID, f"invalid reply: {err}")
    except (Exception, SystemExit, asyncio.CancelledError) as err:  # noqa: BLE001 a function of the user's may raise anything
        return HookFailure(FailureReason.STATUS, f"UNKNOWN: raised {_describe(err)}", "UNKNOWN")
    return HookReply(answer.message, answer.size_bytes)


def _describe(err: BaseException) -> str:
    last = traceback.extract_tb(err.__traceback__)[-1]
    return f"{type(err).__name__}: {err} ({last.filename}:{last.lineno})"
