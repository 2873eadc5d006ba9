"""Reloads (SIGHUP), as they come in and are done. Awaits.

    none ------- SIGHUP --------------------------------------> WANTED
    WANTED ----- settings, certificates and hooks are done ---> DUE: the next look at the files is part of it
    DUE -------- another SIGHUP ------------------------------> WANTED, and both are one
    DUE -------- that look has come to something -------------> none, if no other came meanwhile

What cannot be read stays as it was. A task of its own does it: a disk that does not answer keeps no signal waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from egxds.app.reload import Reload

DoOne = Callable[[int], Awaitable[Reload]]
"""Does what is to be done before the files are read; takes the number of the last SIGHUP that it is for."""


class Reloads:
    """Those that were asked for, and those that are over."""

    def __init__(self, do: DoOne, read_all: Callable[[], None]) -> None:
        """Know of none.

        Args:
            do: does one.
            read_all: has all files read, soon.
        """
        self._do = do
        self._read_all = read_all
        self._wanted = self._over = 0
        self._stirred = anyio.Event()
        self._due: Reload | None = None

    @property
    def are_over(self) -> bool:
        """Whether none is under way."""
        return self._over == self._wanted

    def want(self) -> None:
        """Have one done."""
        self._wanted += 1
        self._stirred.set()

    async def work(self) -> None:
        """Do those that are wanted; until cancelled."""
        while True:
            await self._stirred.wait()
            self._stirred, number = anyio.Event(), self._wanted
            self._due = (await self._do(number)).behind(self._due)
            self._read_all()

    def take(self) -> Reload | None:
        """Return the one that the next look at the files is part of; None for none."""
        due, self._due = self._due, None
        return due

    def ended(self, reload: Reload | None) -> None:
        """Take note that the look at the files has come to something."""
        if reload is not None:
            self._over = reload.number
