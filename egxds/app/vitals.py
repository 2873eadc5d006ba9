"""Whether the daemon gets on: what the service manager's watchdog goes by. Reads a clock.

The watchdog ends a process that a new one would do better than, and a new one has lost all that is served from memory.
So it is fed while there is progress, and what no restart would heal is said in the status, not punished:

    the event loop is blocked, or the process stopped ------> nobody feeds: who feeds is a task of that loop
    a task that matters has ended, and nobody ended it ------> not fed: edits of files reach nobody any more
    a thread that reads files or goes through hooks sleeps
    for 20 s and uses no processor -------------------------> not fed: it waits for what does not come
    a load takes minutes, and works ------------------------> fed (`busy_threads`)
    a disk answers to nothing ------------------------------> fed: a new process would wait for the same disk
    an extension is silent ---------------------------------> fed: each call has a deadline
    nothing changes, nobody asks ---------------------------> fed: to wait for work is no fault

A task that fails with an exception ends the process by itself, by its group.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVarTuple

import anyio

from egxds.busy_threads import BusyThreads

Ts = TypeVarTuple("Ts")

LONGEST_SLEEP_S = 20.0
"""How long a thread may sleep in the middle of its work: less than any watchdog is set to, more than a pause takes."""


class Vitals:
    """What tells whether the tasks that matter get on."""

    def __init__(self, *threads: BusyThreads) -> None:
        """Know of no task yet.

        Args:
            threads: where those tasks have their work done.
        """
        self._threads = threads
        self._ended = ""

    async def watch(self, name: str, task: Callable[[*Ts], Awaitable[None]], *arguments: *Ts) -> None:
        """Run a task that is to run for as long as the daemon does.

        Args:
            name: what it is, for people.
            task: to be run.
            arguments: of it.
        """
        await task(*arguments)
        self._ended = f"the task {name!r} has ended"

    @property
    def work(self) -> str:
        """What a thread is at; empty where none is."""
        return next((threads.what for threads in self._threads if threads.what), "")

    def fault(self) -> str:
        """Say what does not get on; empty where all does."""
        for threads in self._threads:
            what, slept_s = threads.asleep(anyio.current_time())
            if slept_s >= LONGEST_SLEEP_S:
                return f"{what}: nothing has come of it for {LONGEST_SLEEP_S:.0f} s"
        return self._ended
