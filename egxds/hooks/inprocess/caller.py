"""Calls hooks that are Python functions of the user's, where they cannot hold up anything. Awaits, loads code."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable
from functools import partial, reduce
from pathlib import Path

import anyio

from egxds.errors import FailureReason, StartError
from egxds.hooks.calls import HookCall, HookFailure, HookReply, describe_manager, refusal
from egxds.hooks.inprocess import Hooks, Refuse
from egxds.hooks.inprocess.forms import FORMS, Form, UnfitResultError
from egxds.hooks.inprocess.worker_loops import WorkerLoops
from egxds.settings.extensions import ExtensionManager, Hook

_REFUSED = "FAILED_PRECONDITION"
_Function = Callable[[object, object], Awaitable[object]]


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
        self._functions: dict[Hook, _Function] = {}
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
            self._functions = _functions(loaded, self._manager.hooks.xds_translator.post)
        except StartError as err:
            raise StartError(f"{where}: {err}") from err

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call, within the manager's `timeout`.

        Returns:
            The reply; or why there is none, which is never an exception.
        """
        form, function = FORMS[call.hook], self._functions.get(call.hook)
        if function is None:
            return form.reply(call.request, None)
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


async def _invoke(form: Form, function: _Function, request: bytes) -> HookReply | HookFailure:
    """Call a function; runs on the functions' own event loop."""
    try:
        result = await function(*form.arguments(request))
        return form.reply(request, result)
    except Refuse as err:
        return refusal(str(err), _REFUSED)
    except UnfitResultError as err:
        return HookFailure(FailureReason.INVALID, f"invalid reply: {err}")
    except (Exception, SystemExit, asyncio.CancelledError) as err:  # noqa: BLE001 a function of the user's may raise anything
        return HookFailure(FailureReason.STATUS, f"UNKNOWN: raised {_describe(err)}", "UNKNOWN")


def _describe(err: BaseException) -> str:
    last = traceback.extract_tb(err.__traceback__)[-1]
    return f"{type(err).__name__}: {err} ({last.filename}:{last.lineno})"


def _functions(loaded: object, hooks: tuple[Hook, ...]) -> dict[Hook, _Function]:
    found: dict[Hook, _Function] = {}
    for hook in hooks:
        name = FORMS[hook].function
        function = getattr(loaded, name, None)
        if function is None or getattr(type(loaded), name, None) is getattr(Hooks, name):
            continue
        if not inspect.iscoroutinefunction(function):
            raise StartError(f"{name} must be a function of the form `async def {name}(self, …)`")
        found[hook] = function
    if not found:
        wanted = ", ".join(FORMS[hook].function for hook in hooks)
        raise StartError(f"defines none of the functions that hooks.xdsTranslator.post asks for: {wanted}")
    return found


def load_object(target: str, path: Iterable[Path]) -> object:
    """Import an object; of a class, make an object.

    Args:
        target: `package.module:object`.
        path: directories to look in after Python's own, so that nothing in them hides a package that egxds needs.
            They stay in force, because the code may import more when it runs.

    Raises:
        StartError: it cannot be imported or made.
    """
    for directory in path:
        if not directory.is_dir():
            raise StartError(f"{directory} is no directory")
        if str(directory) not in sys.path:
            sys.path.append(str(directory))
    module_name, _, name = target.partition(":")
    importlib.invalidate_caches()
    try:
        found = reduce(getattr, name.split("."), importlib.import_module(module_name))
        return found() if isinstance(found, type) else found
    except (Exception, SystemExit) as err:
        raise StartError(f"cannot be loaded: {type(err).__name__}: {err}") from err
