"""Calls hooks that are Python functions of the user's, in a process of their own. Awaits, starts processes.

There is one process that serves. Another takes its place, and serves before the first is ended, when the extension's
files have changed (or it is told to look), and when threads of the first are blocked or at work for calls that are
over. When a process ends by itself, the next is started at once: what waits is asked of that.

Calls that were under way when it ended are suspects (`suspects`): they are asked again one by one in a process that is
there for them alone, and ended when it has nothing to do.

    no process yet, or the last has ended --------------> calls wait for the next one
    it cannot be loaded --------------------------------> calls fail, with the reason; it is tried again when the files
                                                          change, and after 1, 2, 4, ... 60 s
    a newer one cannot be loaded -----------------------> the older goes on, and `fault` says why it does
    it ends while it is loaded, and says nothing -------> twice, the next is tried at once; then as before
    processes end one after the other ------------------> the next waits for 0.1, 0.2, ... 10 s
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio

from egxds.errors import FailureReason, StartError
from egxds.extension.loading import check_directories
from egxds.hooks.calls import HookCall, HookFailure, HookReply, describe_manager
from egxds.hooks.inprocess import START_PATIENCE_S
from egxds.hooks.inprocess.child_output import ChildOutput
from egxds.hooks.inprocess.child_process import Child, ChildEnded
from egxds.hooks.inprocess.notes import Notes
from egxds.hooks.inprocess.source_files import SourceFiles
from egxds.hooks.inprocess.suspects import Suspects
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import log

_FIRST_BACKOFF_S = 0.1
_MAX_BACKOFF_S = 10.0
_MAX_LOAD_BACKOFF_S = 60.0
_LIVED_S = 10.0
"""A process that lived so long has not died in a row."""

_TRIAL_IDLE_S = 10.0
_MAX_ATTEMPTS = 3
_UNEXPLAINED = 2
"""Processes in a row that end while they load, and say nothing, until that counts as the code's fault."""

_LOOK_EVERY_S = 0.02


class ProcessCaller:
    """Calls the hooks of one object in child processes.

    Attributes:
        says_not_serving: never; whether a hook fails is decided by calls.
        losses: how often newer code has taken over.
        fault: why the newest code is not what is asked; empty where it is.
    """

    says_not_serving = False

    def __init__(self, manager: ExtensionManager, base: Path) -> None:
        """Prepare; nothing is started yet.

        Args:
            manager: names the object, and says what it may use.
            base: directory that relative paths of the settings start from.
        """
        self.losses = 0
        self.fault = ""
        self._manager = manager
        self._base = base
        self._output = ChildOutput(manager.name)
        self._notes = Notes(manager.name, self._where)
        self._tasks: set[asyncio.Task[None]] = set()
        self._main: Child | None = None
        self._trial: Child | None = None
        self._trial_used_s = 0.0
        self._trying = anyio.Lock()
        self._suspects = Suspects()
        self._changed = anyio.Event()
        self._wanted = anyio.Event()
        self._files = SourceFiles(self._places)
        self._renewed: Callable[[], None] = lambda: None
        self._is_closed = False

    @property
    def _where(self) -> str:
        return f"service.python of {describe_manager(self._manager.name)}: {self._manager.service.python}"

    async def start(self) -> None:
        """Start the first process, and wait a moment for what is plainly wrong.

        Raises:
            StartError: the settings name what is not there, or ask for what the object does not have.
        """
        try:
            check_directories(self._base / path for path in self._manager.service.path)
        except StartError as err:
            raise StartError(f"{self._where}: {err}") from err
        await self._files.note()
        child = self._launch()
        self._spawn(self._supervise(child))
        self._spawn(self._files.follow(self.reload))
        await child.begun.wait()
        with anyio.move_on_after(START_PATIENCE_S):
            await child.decided.wait()
        if child.failed is not None and child.failed.is_in_settings:
            await self.aclose()
            raise StartError(f"{self._where}: {child.failed.message}")

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Make one call, within the manager's `timeout` from when it begins.

        Returns:
            The reply; or why there is none, which is never an exception.
        """
        verdict = self._suspects.verdict(call.key(), anyio.current_time())
        if verdict:
            return _ended_it(verdict)
        if self._suspects.is_known(call.key()):
            return await self._try_alone(call)
        child = await self._serving()
        if child is None:
            return HookFailure(FailureReason.CONNECT, self.fault or f"{self._where}: closed")
        outcome = await child.call(call)
        return await self._try_alone(call) if isinstance(outcome, ChildEnded) else outcome

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
        """End all processes; calls under way fail."""
        self._is_closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._main = None
        self._tell()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _launch(self) -> Child:
        child = Child(self._manager, self._base, self._output)
        self._spawn(child.run())
        return child

    def _places(self) -> tuple[str, ...]:
        own = self._main.own_files if self._main else ()
        return (*own, *(f"{(self._base / path).absolute()}/" for path in self._manager.service.path))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _serving(self) -> Child | None:
        """Return the process that serves; where it is still to come, wait for it, and where it cannot, return none."""
        while True:
            if self._is_closed:
                return None
            main = self._main
            if main is not None and not main.ended.is_set():
                return main
            if self.fault:
                return None
            await self._changed.wait()

    async def _supervise(self, child: Child) -> None:
        """Have a process that serves, whatever becomes of each."""
        deaths = faults = unexplained = 0
        while True:
            started_s = anyio.current_time()
            await child.decided.wait()
            if child.is_ready:
                faults = unexplained = 0
                self._take(child)
                await self._until_due(child)
                if anyio.current_time() - started_s >= _LIVED_S:
                    deaths = 0
                if child.ended.is_set():
                    log.warning("hook.process_ended", manager=self._manager.name, error=f"it {child.why_ended}")
                    await anyio.sleep(_backoff_s(deaths, _FIRST_BACKOFF_S, _MAX_BACKOFF_S) if deaths else 0.0)
                    deaths += 1
            elif child.failed is None and unexplained < _UNEXPLAINED:
                # It may have been killed by somebody.
                unexplained += 1
            else:
                await child.ended.wait()
                self._keep(child)
                with anyio.move_on_after(_backoff_s(faults, 1.0, _MAX_LOAD_BACKOFF_S)):
                    await self._wanted.wait()
                faults += 1
            self._wanted = anyio.Event()
            child = self._launch()

    async def _until_due(self, child: Child) -> None:
        """Wait until another process should take the place of one, or has to."""
        async with anyio.create_task_group() as tasks:

            async def wait_for(event: anyio.Event) -> None:
                await event.wait()
                tasks.cancel_scope.cancel()

            for event in (child.ended, child.worn, self._wanted):
                tasks.start_soon(wait_for, event)

    def _take(self, child: Child) -> None:
        """Have a process that is ready serve."""
        before, self._main = self._main, child
        is_newer_code = before is not None and not before.ended.is_set() and not before.worn.is_set()
        was_faulty, self.fault = bool(self.fault), ""
        if before is not None and not before.ended.is_set():
            self._spawn(self._retire(before))
        if is_newer_code or was_faulty:
            self.losses += 1
            self._suspects.forget()
            self._end_trial()
            self._renewed()
        self._notes.say(child.notes)
        log.info("hook.loaded", manager=self._manager.name, target=self._manager.service.python)
        self._tell()

    def _keep(self, child: Child) -> None:
        """Take note that a process could not be loaded; one that serves goes on."""
        failed = child.failed.message if child.failed else f"cannot be loaded: the process {child.why_ended}"
        fault = f"{self._where}: {failed}"
        if fault != self.fault:
            is_kept = self._main is not None and not self._main.ended.is_set()
            log.error("hook.load_failed", manager=self._manager.name, error=fault, kept=is_kept)
        self.fault = fault
        self._tell()

    async def _retire(self, child: Child) -> None:
        """End a process when its calls are through, which is so after their deadline at the latest."""
        with anyio.move_on_after(self._manager.call_timeout * 2):
            while child.calls and not child.ended.is_set():  # noqa: ASYNC110 both may be what ends it
                await anyio.sleep(_LOOK_EVERY_S)
        child.kill("was replaced")

    async def _try_alone(self, call: HookCall) -> HookReply | HookFailure:
        """Ask a suspect in a process that it has for itself."""
        async with self._trying:
            for _ in range(_MAX_ATTEMPTS):
                now_s = anyio.current_time()
                why = self._suspects.verdict(call.key(), now_s) or self._suspects.hopeless(now_s)
                if why:
                    return _ended_it(why)
                trial = await self._trial_process()
                if not trial.is_ready:
                    failed = trial.failed.message if trial.failed else f"the process {trial.why_ended}"
                    return HookFailure(FailureReason.CONNECT, f"{self._where}: {failed}")
                is_fresh = trial.asked == 0
                outcome = await trial.call(call)
                if not isinstance(outcome, ChildEnded):
                    self._suspects.acquit(call.key())
                    return outcome
                if is_fresh:
                    self._suspects.convict(call.key(), outcome.why, anyio.current_time())
                    return _ended_it(outcome.why)
        return HookFailure(FailureReason.CONNECT, f"{self._where}: its processes end one after the other")

    async def _trial_process(self) -> Child:
        self._trial_used_s = anyio.current_time()
        if self._trial is None or self._trial.ended.is_set():
            self._trial = self._launch()
            self._spawn(self._end_idle_trial(self._trial))
        await self._trial.decided.wait()
        return self._trial

    async def _end_idle_trial(self, trial: Child) -> None:
        while trial.calls or anyio.current_time() - self._trial_used_s < _TRIAL_IDLE_S:  # noqa: ASYNC110 it is a clock
            await anyio.sleep(_TRIAL_IDLE_S / 10)
        trial.kill("has nothing to do")

    def _end_trial(self) -> None:
        """Let the next suspect have a process with the newest code."""
        if self._trial is not None:
            self._trial.kill("was replaced")
            self._trial = None


def _ended_it(why: str) -> HookFailure:
    return HookFailure(FailureReason.STATUS, f"ABORTED: in this call the process of the hooks {why}", "ABORTED")


def _backoff_s(times: int, first_s: float, most_s: float) -> float:
    return min(first_s * 2.0 ** min(times, 16), most_s)
