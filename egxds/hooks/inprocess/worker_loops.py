"""Threads with event loops of their own, for code that may block. Starts threads.

A thread that is blocked cannot be ended. It is left to itself, ends when its code lets go of it, and another takes its
place; there is a limit to how many may be blocked at one time.

    CURRENT ---- a call ran out of time ----------------> SUSPECTED: it has to turn once
    SUSPECTED -- the loop turns within 0.05 s of the
                 next call ------------------------------> CURRENT: the call was slow, the thread is not blocked
    SUSPECTED -- it does not -----------------------------> LEFT: takes no new calls, ends when all its calls have
    LEFT ------- its code lets go ------------------------> ended
    four LEFT, and a call comes --------------------------> the call fails at once

The suspicion matters because a deadline alone tells nothing: a function that awaits something slow is cancelled, and
its loop serves the other calls as before. To leave a thread for each of those would use up the four in no time.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import anyio

MAX_BLOCKED = 4
"""Blocked threads at one time: each keeps its stack, and whatever its code holds, for as long as it likes."""

GRACE_S = 0.05
"""What a loop that turns needs to do so, at the most."""

T = TypeVar("T")


class WorkerLoop:
    """One thread and its event loop."""

    def __init__(self, name: str) -> None:
        """Start the thread.

        Args:
            name: for whoever looks at the threads.
        """
        self._loop = asyncio.new_event_loop()
        self._turn: concurrent.futures.Future[None] | None = None
        # The interpreter does not wait for it at exit: it may be blocked for good.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    async def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop; where this is cancelled, so is the coroutine."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(function(), self._loop))

    def suspect(self) -> None:
        """Take note that a call ran out of time: the thread may be blocked."""
        if self._turn is None or self._turn.done():
            self._turn = concurrent.futures.Future()
            self._loop.call_soon_threadsafe(self._turn.set_result, None)

    async def is_blocked(self) -> bool:
        """Say whether the loop no longer turns; where that is suspected, it is given a moment."""
        if self._turn is None or self._turn.done():
            return False
        with anyio.move_on_after(GRACE_S):
            await asyncio.shield(asyncio.wrap_future(self._turn))
        return not self._turn.done()

    def finish(self) -> None:
        """End the thread as soon as all that runs on it has ended."""
        self._loop.call_soon_threadsafe(self._loop.create_task, self._finish())

    def stop(self) -> None:
        """End the thread as soon as its loop turns, if it has not ended; what runs on it is cancelled."""
        with contextlib.suppress(RuntimeError):  # how asyncio says that a loop is closed
            self._loop.call_soon_threadsafe(self._loop.stop)

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        self._loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            rest = asyncio.all_tasks(self._loop)
            for task in rest:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        finally:
            self._loop.close()


class WorkerLoops:
    """The thread for new calls, and those that are left to themselves."""

    def __init__(self, name: str) -> None:
        """Prepare; the first thread starts with the first call.

        Args:
            name: of the threads.
        """
        self._name = name
        self._current: WorkerLoop | None = None
        self._left: list[WorkerLoop] = []

    async def worker(self) -> WorkerLoop | None:
        """Return the thread for a new call, or nothing where too many are blocked."""
        worker = self._current
        # Looked at again behind the wait: another call may have found out the same, and put a new thread there.
        if worker is not None and await worker.is_blocked() and worker is self._current:
            worker.finish()
            self._left.append(worker)
            self._current = None
        self._left = [worker for worker in self._left if worker.is_alive]
        if self._current is None and len(self._left) < MAX_BLOCKED:
            self._current = WorkerLoop(self._name)
        return self._current

    def close(self) -> None:
        """End all threads; one that is blocked ends when it can."""
        for worker in (*self._left, *((self._current,) if self._current else ())):
            worker.stop()
        self._current = None
        self._left = []
