"""Runs calls of code that may block, each as if it were alone. Starts threads; awaits.

A thread that is blocked cannot be ended. It is left to itself, ends when its code lets go of it, and another takes its
place. Calls wait in one line, and a thread begins one when its loop turns: so what waits is never behind a thread that
does not, and a deadline starts with the first step of the call's own code.

    the loop has not turned for 0.1 s, and calls wait:
        its thread waits (a lock, a socket, a sleep) ---> a fresh thread takes what waits
        its thread works, or would if others did not ----> it is let work until its call's deadline: a fresh thread
                                                           would not make the processor faster
    a call has passed its deadline:
        its loop turns: it awaits -----------------------> it fails, and is cancelled
        its loop does not turn, and it is in its code ---> it fails, with the place; the thread is left to itself
        its loop does not turn for another call ---------> it is begun again on a fresh thread, up to twice
    a call was cancelled, and not by us -----------------> likewise: another one did that, or it did so itself
    so many threads are blocked, and calls wait ---------> they fail when they have waited for their own timeout

A call may thus be begun again, as it may be asked again over gRPC: hooks are functions of what they are given. That it
was begun counts for nothing then, whatever becomes of it.

Results come back in batches: a wake-up of the event loop costs more than most functions.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Hashable

from egxds.extension.answers import Fault, FaultKind
from egxds.extension.forms import Answer
from egxds.extension.places import OwnFiles
from egxds.extension.worker_thread import Function, Run, WorkerCall, WorkerThread

MAX_THREADS = 32
"""Those that are blocked, and the one that is not: each keeps its stack, and whatever its code holds."""

STALL_S = 0.1
"""How long a loop may owe a turn while calls wait for it."""

BUSY_S = 2.0
"""How long the thread of a call that is over may be at work before that is worth a fresh process."""

_GRACE_S = 0.05
"""What a loop that turns needs to do so, at the most."""

_TICK_S = 0.02
_MAX_RESTARTS = 2

Outcome = Answer | Fault


class WorkerPool:
    """Threads for the calls of one extension; they start with the first call."""

    def __init__(self, name: str, own_files: OwnFiles, max_threads: int = MAX_THREADS) -> None:
        """Prepare.

        Args:
            name: of the threads.
            own_files: of the extension, for messages.
            max_threads: how many there may be.
        """
        self._name = name
        self._own_files = own_files
        self._max_threads = max_threads
        self._waiting: deque[WorkerCall] = deque()
        self._pending: dict[WorkerCall, asyncio.Future[Outcome]] = {}
        self._current: WorkerThread | None = None
        self._left: list[WorkerThread] = []
        self._stuck: dict[Hashable, WorkerThread] = {}
        self._ended: deque[tuple[Run, Outcome | None]] = deque()
        self._is_told = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tick_at: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._is_closing = False

    def worn(self, most_threads: int) -> str:
        """Say why fresh threads would be better, in a process of their own; nothing where they would not.

        Args:
            most_threads: so many may be blocked.
        """
        now_s = time.monotonic()
        left = [worker for worker in self._left if worker.is_alive]
        if len(left) >= most_threads:
            return f"{len(left)} threads are blocked by calls that have not returned"
        busy = next((one for one in left if one.silent_s(now_s) >= BUSY_S and one.is_spending(now_s)), None)
        return f"a call that is over goes on at {busy.place()}" if busy is not None else ""

    async def run(self, function: Function, timeout_s: float, key: Hashable) -> Outcome:
        """Run a coroutine on one of the threads; where this is cancelled, so is the coroutine.

        Args:
            function: what to run.
            timeout_s: how long it may take once it has begun.
            key: what identical calls have too. While one blocks a thread, another is not begun: it would block one
                more.

        Returns:
            What it returned, or why it did not.
        """
        stuck = self._stuck.get(key)
        if stuck is not None and stuck.is_alive:
            return Fault(FaultKind.OVERDUE, f"an identical call has not returned; it is at {stuck.place()}")
        self._stuck.pop(key, None)
        call = WorkerCall(function, timeout_s, key)
        self._loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = self._loop.create_future()
        self._pending[call] = done
        self._begin(call)
        self._tick_soon()
        try:
            return await done
        finally:
            self._forget(call)

    def close(self) -> None:
        """End all threads; one that is blocked ends when it can. Calls that still run are over."""
        self._is_closed = True
        for worker in self._workers():
            worker.stop()
        self._current = None
        self._left = []
        for done in tuple(self._pending.values()):
            if not done.done():
                done.set_result(Fault(FaultKind.BLOCKED, "the hooks were closed"))

    def close_when_idle(self) -> None:
        """End all threads as soon as the calls that there are have ended; there are to be no new ones."""
        self._is_closing = True
        if not self._pending:
            self.close()

    def _workers(self) -> tuple[WorkerThread, ...]:
        return (*self._left, *((self._current,) if self._current else ()))

    def _begin(self, call: WorkerCall) -> None:
        call.began_s = None
        call.worker = None
        call.waits_since_s = time.monotonic()
        self._waiting.append(call)
        self._tell()

    def _tell(self) -> None:
        if self._current is None and len(self._left) < self._max_threads and not self._is_closed:
            self._current = WorkerThread(self._name, self._waiting, self._run_ended, self._own_files)
        if self._current is not None:
            self._current.tell()

    def _forget(self, call: WorkerCall) -> None:
        self._pending.pop(call, None)
        if self._is_closing and not self._pending:
            self.close()
        if not call.is_over:
            call.is_over = True
            self._cancel(call)

    def _cancel(self, call: WorkerCall) -> None:
        for run in self._runs_of(call):
            if call.worker is not None:
                call.worker.cancel(run)

    def _runs_of(self, call: WorkerCall) -> tuple[Run, ...]:
        return tuple(run for run in tuple(call.worker.runs) if run.call is call) if call.worker else ()

    def _run_ended(self, run: Run, outcome: Outcome | None) -> None:
        """Take note on a worker's thread."""
        self._ended.append((run, outcome))
        if not self._is_told and self._loop is not None:
            self._is_told = True
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        # Before looking: who puts something there later tells again.
        self._is_told = False
        while self._ended:
            run, outcome = self._ended.popleft()
            if run.call.is_over:
                continue
            if outcome is None:
                self._begin_again(run.call, "cancelled")
            else:
                self._decide(run.call, outcome)

    def _decide(self, call: WorkerCall, outcome: Outcome) -> None:
        call.is_over = True
        done = self._pending.get(call)
        if done is not None and not done.done():
            done.set_result(outcome)

    def _begin_again(self, call: WorkerCall, why: str) -> None:
        if call.restarts >= _MAX_RESTARTS:
            self._decide(call, Fault(FaultKind.RAISED, f"was begun {_MAX_RESTARTS + 1} times, and {why} each time"))
            return
        call.restarts += 1
        self._begin(call)

    def _tick_soon(self) -> None:
        if self._tick_at is None and self._loop is not None:
            self._tick_at = self._loop.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        self._tick_at = None
        if self._is_closed:
            return
        now_s = time.monotonic()
        self._left = [worker for worker in self._left if worker.is_alive]
        if not self._left:
            self._stuck.clear()
        for worker in self._workers():
            worker.beat(now_s)
        for call in tuple(self._pending):
            self._look_at(call, now_s)
        self._look_at_current(now_s)
        if self._pending or self._left:
            self._tick_soon()

    def _look_at(self, call: WorkerCall, now_s: float) -> None:
        if call.is_over:
            return
        if call.began_s is None:
            if call.worker is None and self._is_full() and now_s - call.waits_since_s >= call.timeout_s:
                self._decide(call, Fault(FaultKind.BLOCKED, self._blocked_message()))
        elif call.worker is not None and not call.worker.is_alive:
            self._begin_again(call, "stopped")
        elif now_s - call.began_s >= call.timeout_s:
            self._overdue(call, now_s)

    def _overdue(self, call: WorkerCall, now_s: float) -> None:
        worker = call.worker
        runs = self._runs_of(call)
        if worker is None or not runs:  # it has just ended, and is about to be collected
            return
        if worker.silent_s(now_s) < _GRACE_S:
            awaits = worker.waits_at(runs[-1])
            self._decide(call, _overdue(call, f"; it awaits at {awaits}" if awaits else ""))
            worker.cancel(runs[-1])
            return
        running = worker.running()
        place, is_spending = worker.place(), worker.is_spending(now_s)
        self._leave(worker)
        if running is not None and running.call is not call:
            self._begin_again(call, f"held up by another, which is at {place},")
            return
        self._stuck[call.key] = worker
        does = "is busy" if is_spending else "blocks its thread"
        self._decide(call, _overdue(call, f"; it {does} at {place}" if place else f"; it {does}"))
        if is_spending:
            worker.interrupt()

    def _look_at_current(self, now_s: float) -> None:
        worker = self._current
        if worker is not None and not worker.is_alive:
            self._current = worker = None
        is_stalled = worker is not None and worker.silent_s(now_s) >= STALL_S
        if worker is not None and is_stalled and self._waiting and not worker.is_spending(now_s):
            self._leave(worker)
        if self._waiting:
            self._tell()

    def _leave(self, worker: WorkerThread) -> None:
        if worker is self._current:
            self._current = None
            self._left.append(worker)
            worker.leave()
            if self._waiting:
                self._tell()

    def _is_full(self) -> bool:
        return self._current is None and len(self._left) >= self._max_threads

    def _blocked_message(self) -> str:
        places = dict.fromkeys(filter(None, (worker.place() for worker in self._left)))
        listed = ", ".join(list(places)[:3])
        where = f" at {listed}" if listed else ""
        return f"every thread for hooks is blocked{where}; a hook must await, not block"


def _overdue(call: WorkerCall, detail: str) -> Fault:
    return Fault(FaultKind.OVERDUE, f"no reply within {call.timeout_s:g} s{detail}")
