"""Calls hooks that are Python functions of the user's, on threads of this process. Awaits, loads code.

What a thread cannot guarantee is said in `egxds.extension`. The code is loaded on a thread, too, which is left to
itself where that takes too long; newer code takes over when it is loaded and checked, and else the older goes on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anyio

from egxds.errors import FailureReason, StartError
from egxds.extension.answers import Fault, FaultKind
from egxds.extension.asking import FunctionAsker
from egxds.extension.loading import (
    Loaded,
    NotLoadedError,
    check_directories,
    load,
    own_files,
    own_modules,
    put_back_modules,
    take_out_modules,
)
from egxds.extension.places import OwnFiles
from egxds.hooks.calls import HookCall, HookFailure, HookReply, describe_manager, refusal
from egxds.hooks.inprocess import START_PATIENCE_S
from egxds.hooks.inprocess.notes import Notes
from egxds.hooks.inprocess.source_files import SourceFiles
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import log, take_loggers

_FIRST_BACKOFF_S = 1.0
_MAX_BACKOFF_S = 60.0


class ThreadCaller:
    """Calls the hooks of one object on threads of this process.

    Attributes:
        says_not_serving: never; there is no server that could say so.
        losses: how often newer code has taken over.
        fault: why the newest code is not what is asked; empty where it is.
    """

    says_not_serving = False

    def __init__(self, manager: ExtensionManager, base: Path) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            manager: names the object, and says how long a call may take.
            base: directory that relative paths of the settings start from.
        """
        self.losses = 0
        self.fault = ""
        self._manager = manager
        self._path = tuple((base / path).absolute() for path in manager.service.path)
        self._target = manager.service.python or ""
        self._asker: FunctionAsker | None = None
        self._own_files = OwnFiles(tuple(f"{path}/" for path in self._path))
        self._files = SourceFiles(lambda: self._own_files.directories)
        self._tasks: list[asyncio.Task[None]] = []
        self._decided = anyio.Event()
        self._wanted = anyio.Event()
        self._in_settings: StartError | None = None
        self._notes = Notes(manager.name, self._where)
        self._renewed: Callable[[], None] = lambda: None

    @property
    def _where(self) -> str:
        return f"service.python of {describe_manager(self._manager.name)}: {self._target}"

    async def start(self) -> None:
        """Begin to load the object, and wait a moment for what is plainly wrong.

        Raises:
            StartError: the settings name what is not there, or ask for what the object does not have.
        """
        try:
            check_directories(self._path)
        except StartError as err:
            raise StartError(f"{self._where}: {err}") from err
        await self._files.note()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_loaded()), loop.create_task(self._files.follow(self.reload))]
        with anyio.move_on_after(START_PATIENCE_S):
            await self._decided.wait()
        if self._in_settings is not None:
            await self.aclose()
            raise StartError(self.fault) from self._in_settings

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call, within the manager's `timeout` from when it begins.

        Returns:
            The reply; or why there is none, which is never an exception.
        """
        await self._decided.wait()
        if self._asker is None:
            return HookFailure(FailureReason.CONNECT, self.fault or f"{self._where}: closed")
        outcome = await self._asker.ask(call.hook, call.request, self._manager.call_timeout)
        if isinstance(outcome, Fault):
            return _failure_of(outcome)
        return HookReply(outcome.message, outcome.size_bytes)

    async def watch(self, on_renewed: Callable[[], None]) -> None:
        """Call back when newer code has taken over; until cancelled.

        Args:
            on_renewed: has everything asked again.
        """
        self._renewed = on_renewed
        await anyio.sleep_forever()

    def attend(self) -> None:
        """Do nothing: it is there."""

    def reload(self) -> None:
        """Have the code loaded again, be it changed or not."""
        self._wanted.set()

    async def aclose(self) -> None:
        """End the event loops of the functions; calls under way are cancelled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._asker is not None:
            self._asker.close()
            self._asker = None
        take_out_modules(self._own_files)
        self._decided.set()

    async def _keep_loaded(self) -> None:
        pause_s = _FIRST_BACKOFF_S
        while True:
            self._wanted = anyio.Event()
            try:
                loaded = await self._load()
            except (StartError, NotLoadedError) as err:
                self._keep(err)
                with anyio.move_on_after(pause_s):
                    await self._wanted.wait()
                pause_s = min(pause_s * 2, _MAX_BACKOFF_S)
                continue
            pause_s = _FIRST_BACKOFF_S
            self._take(loaded)
            await self._wanted.wait()

    async def _load(self) -> Loaded:
        """Load on a thread that may take for ever; what it comes to then counts for nothing."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Loaded] = loop.create_future()
        before = own_modules(self._own_files)
        # Not the first time: another extension may have modules there.
        if self._asker is not None:
            take_out_modules(self._own_files)

        def settle(loaded: Loaded | None, err: Exception | None) -> None:
            if not done.done():
                done.set_exception(err) if err is not None else done.set_result(loaded)  # type: ignore[arg-type]

        def work() -> None:
            try:
                loaded = load(self._target, self._path, self._manager.hooks.xds_translator.post)
            except (StartError, NotLoadedError) as err:
                loop.call_soon_threadsafe(settle, None, err)
            else:
                loop.call_soon_threadsafe(settle, loaded, None)

        thread = threading.Thread(target=work, name=f"load {self._target}", daemon=True)
        thread.start()
        try:
            async with asyncio.timeout(self._manager.service.load_timeout):
                return await done
        except TimeoutError as err:
            raise self._too_late(thread, before) from err
        except (StartError, NotLoadedError):
            put_back_modules(self._own_files, before)
            raise

    def _too_late(self, thread: threading.Thread, before: dict[str, ModuleType]) -> NotLoadedError:
        place = self._own_files.blocked_at(thread.ident or 0)
        put_back_modules(self._own_files, before)
        where = f"; it is at {place}" if place else ""
        limit_s = self._manager.service.load_timeout
        return NotLoadedError(f"cannot be loaded: not done within {limit_s:g} s (service.loadTimeout){where}")

    def _take(self, loaded: Loaded) -> None:
        before, was_faulty = self._asker, bool(self.fault)
        self._own_files = own_files(self._target, self._path)
        name = f"hooks of {describe_manager(self._manager.name)}"
        self._asker = FunctionAsker(loaded.functions, name, loaded.own_files, self._raised)
        self.fault, self._in_settings = "", None
        self._notes.say(loaded.notes)
        take_loggers(self._target.partition(":")[0].partition(".")[0])
        log.info("hook.loaded", manager=self._manager.name, target=self._target)
        self._decided.set()
        if before is not None:
            before.close_when_idle()
        if before is not None or was_faulty:
            self.losses += 1
            self._renewed()

    def _keep(self, err: StartError | NotLoadedError) -> None:
        fault = f"{self._where}: {err}"
        if fault != self.fault:
            log.error("hook.load_failed", manager=self._manager.name, error=fault, kept=self._asker is not None)
        self.fault = fault
        self._in_settings = err if isinstance(err, StartError) else None
        self._decided.set()

    def _raised(self, _err: BaseException, message: str, traceback: str) -> None:
        log.warning("hook.raised", manager=self._manager.name, error=message, traceback=traceback)


def _failure_of(fault: Fault) -> HookFailure:
    """Say as a failed call why a function gave no answer."""
    match fault.kind:
        case FaultKind.UNFIT:
            return HookFailure(FailureReason.INVALID, fault.message)
        case FaultKind.OVERDUE | FaultKind.BLOCKED:
            return HookFailure(FailureReason.DEADLINE, fault.message, "DEADLINE_EXCEEDED")
        case FaultKind.REFUSED:
            return refusal(fault.message, "FAILED_PRECONDITION")
        case FaultKind.MISSING:
            return HookFailure(FailureReason.STATUS, f"UNIMPLEMENTED: {fault.message}", "UNIMPLEMENTED")
        case FaultKind.RAISED:
            return HookFailure(FailureReason.STATUS, f"UNKNOWN: {fault.message}", "UNKNOWN")
