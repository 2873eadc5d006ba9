"""One thread with an event loop of its own, for code that may block, spend, or stop the loop. Starts threads.

Whatever the code raises, stops or cancels, the loop runs on until it is told to finish, and every call gets an outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from egxds.extension.answers import Fault, FaultKind
from egxds.extension.forms import Answer
from egxds.extension.places import OwnFiles
from egxds.extension.thread_use import ThreadUse, Use

Function = Callable[[], Coroutine[Any, Any, Answer | Fault]]

_SPENDING = 0.03
"""Share of the time from which on a thread is not blocked but at work; it shares the interpreter, and a processor, with
others, and one that waits takes nothing."""

_WANTING = 0.5
"""The same of the time that it takes or would take, were a processor free: on a machine that does much else a thread at
work takes less than the share above, and a fresh one beside it would make each of them slower still."""


class CallAbandonedError(BaseException):
    """Raised in a thread that is at work for a call that is over: ends what is written in Python."""


class WorkerCall:
    """One call on its way.

    Attributes:
        function: what to run.
        timeout_s: how long it may take once it has begun.
        key: what identical calls have too.
        waits_since_s: since when it has been waiting to begin, on the monotonic clock.
        began_s: when it began; None while it waits.
        worker: where it runs.
        restarts: how often it was begun again, through no fault of its own.
        is_over: its outcome is decided: whatever it does from now on counts for nothing.
    """

    def __init__(self, function: Function, timeout_s: float, key: Hashable) -> None:
        self.function = function
        self.timeout_s = timeout_s
        self.key = key
        self.waits_since_s = time.monotonic()
        self.began_s: float | None = None
        self.worker: WorkerThread | None = None
        self.restarts = 0
        self.is_over = False


class Run:
    """One attempt at a call. A call that was begun again elsewhere has another, and the first counts for nothing.

    Attributes:
        call: of which it is one.
        task: of the worker's loop.
    """

    def __init__(self, call: WorkerCall) -> None:
        self.call = call
        self.task: asyncio.Task[None] | None = None


class WorkerThread:
    """One thread and its event loop.

    Attributes:
        runs: that have begun here and not ended.
        is_left: it takes no more calls, and ends when those that it has do.
    """

    def __init__(
        self,
        name: str,
        waiting: deque[WorkerCall],
        ended: Callable[[Run, Answer | Fault | None], None],
        own_files: OwnFiles,
    ) -> None:
        """Start the thread.

        Args:
            name: for whoever looks at the threads.
            waiting: calls that any worker may begin.
            ended: is told on the thread what came of a run; None where somebody cancelled it.
            own_files: of the extension, for messages.
        """
        self.runs: set[Run] = set()
        self.is_left = False
        self._waiting = waiting
        self._ended = ended
        self._own_files = own_files
        self._loop = asyncio.new_event_loop()
        self._is_told = False
        self._is_finished = False
        self._beat_sent_s: float | None = None
        self._use: ThreadUse | None = None
        self._used_at_beat = Use()
        # The interpreter does not wait for it at exit: it may be blocked for good.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def tell(self) -> None:
        """Have it look for calls that wait."""
        if not self._is_told:
            self._is_told = True
            self._soon(self._take)

    def beat(self, now_s: float) -> None:
        """Ask the loop to turn, where it has not been asked."""
        if self._beat_sent_s is None:
            self._used_at_beat = self._use.look() if self._use is not None else Use()
            self._beat_sent_s = now_s
            self._soon(self._answer_beat)

    def silent_s(self, now_s: float) -> float:
        """Return for how long the loop has owed a turn."""
        sent_s = self._beat_sent_s
        return now_s - sent_s if sent_s is not None else 0.0

    def is_spending(self, now_s: float) -> bool:
        """Whether the thread works while it does not turn, or is ready to, and does not merely wait."""
        silent_s = self.silent_s(now_s)
        if silent_s <= 0:
            return False
        if self._use is None:  # it has not had a processor for its first step
            return True
        used, before = self._use.look(), self._used_at_beat
        ran_s, delayed_s = used.ran_s - before.ran_s, used.delayed_s - before.delayed_s
        return ran_s >= _SPENDING * silent_s or ran_s + delayed_s >= _WANTING * silent_s

    def place(self) -> str:
        """Say where the thread is."""
        return self._own_files.blocked_at(self._thread.ident or 0)

    def running(self) -> Run | None:
        """Return the run whose code the thread is in, where that can be told."""
        code = _perform.__code__
        for frame in _frames(self._thread.ident or 0):
            if frame.f_code is code:
                found = frame.f_locals.get("run")
                return found if isinstance(found, Run) else None
        # In a task that a function made for itself; where there is one run only, it is that one's.
        return next(iter(self.runs)) if len(self.runs) == 1 else None

    def cancel(self, run: Run) -> None:
        """Cancel a run as soon as the loop turns."""
        if run.task is not None:
            self._soon(run.task.cancel)

    def waits_at(self, run: Run) -> str:
        """Say where a run awaits."""
        return self._own_files.waits_at(run.task.get_coro()) if run.task is not None else ""

    def interrupt(self) -> None:
        """Raise an exception in the thread; one that waits in C gets it when it returns."""
        if self._thread.ident is not None:
            thread = ctypes.c_ulong(self._thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(CallAbandonedError))

    def leave(self) -> None:
        """Take no more calls, and end as soon as all that runs has ended."""
        self.is_left = True
        self._soon(self._finish_when_idle)

    def stop(self) -> None:
        """End as soon as the loop turns; what runs is cancelled."""
        self.is_left = True
        self._soon(self._finish)

    def _soon(self, function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # how asyncio says that a loop is closed
            self._loop.call_soon_threadsafe(function)

    def _answer_beat(self) -> None:
        self._beat_sent_s = None

    def _take(self) -> None:
        """Begin one call that waits, and come back for the next when it has had its first turn."""
        # Before looking: who puts a call there later tells again.
        self._is_told = False
        if self.is_left:
            return
        try:
            call = self._waiting.popleft()
        except IndexError:
            return
        if not call.is_over:
            run = Run(call)
            self.runs.add(run)
            call.worker = self
            run.task = self._loop.create_task(_perform(self, run))
        self._is_told = True
        self._loop.call_soon(self._take)

    def _finish_when_idle(self) -> None:
        if self.runs:
            self._loop.call_later(0.01, self._finish_when_idle)
        else:
            self._finish()

    def _finish(self) -> None:
        self._is_finished = True
        self._loop.stop()

    def _run(self) -> None:
        self._use = ThreadUse()
        asyncio.set_event_loop(self._loop)
        # A function may stop the loop, and a callback of its own may raise what no loop survives.
        while not self._is_finished and not self._loop.is_closed():
            with contextlib.suppress(BaseException):
                self._loop.run_forever()
        with contextlib.suppress(BaseException):
            rest = asyncio.all_tasks(self._loop)
            for task in rest:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        with contextlib.suppress(BaseException):
            self._loop.close()

    def end_run(self, run: Run, outcome: Answer | Fault | None) -> None:
        """Take note on the thread of what came of a run."""
        self.runs.discard(run)
        self._ended(run, outcome)


async def _perform(worker: WorkerThread, run: Run) -> None:
    call = run.call
    call.began_s = time.monotonic()
    outcome: Answer | Fault | None
    try:
        outcome = await call.function()
    except asyncio.CancelledError as err:
        # One that was asked for, by whomever; a function may also just raise it.
        is_asked_for = run.task is not None and run.task.cancelling() > 0
        outcome = None if is_asked_for else Fault(FaultKind.RAISED, f"raised {type(err).__name__}")
    except BaseException as err:  # noqa: BLE001 a function of the user's may raise anything
        outcome = Fault(FaultKind.RAISED, f"raised {type(err).__name__}")
    worker.end_run(run, outcome)


def _frames(thread: int) -> list[Any]:
    found = []
    frame = sys._current_frames().get(thread)  # noqa: SLF001 there is no other way to see another thread
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found
