"""Writes what changed, soon after it did and never on the way to an Envoy, and again where it could not be written.

WRITTEN ------ it changes -------------> UNWRITTEN
UNWRITTEN ---- it is written ----------> WRITTEN
UNWRITTEN ---- it cannot be written ---> UNWRITTEN: told once for each reason, counted, and tried again after a
pause that doubles
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import anyio
from anyio import lowlevel, to_thread

PAUSE_S = 1.0
"""Between two writes: of changes that follow each other closely, only the last is written."""

LONGEST_PAUSE_S = 15.0
"""Between two tries to write what could not be written: all of it is encoded anew, and there may be room again."""


class WriteBehind(ABC):
    """Things that are to be on disk, by name; who keeps them says how they are written, and tells of it."""

    def __init__(self) -> None:
        """Prepare; everything is written so far."""
        self._writing = anyio.Lock()
        self._unwritten: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._changed = anyio.Event()

    @abstractmethod
    def _put(self, name: str) -> None:
        """Write one as it is now; blocks. Raises OSError where it cannot."""

    @abstractmethod
    def _tell(self, name: str, reason: str) -> None:
        """Tell why one cannot be written, and with an empty reason that it is."""

    @abstractmethod
    def _count(self, unwritten: int) -> None:
        """Tell how many are unwritten."""

    def _touch(self, name: str) -> None:
        """Have one written soon."""
        self._unwritten.add(name)
        self._changed.set()

    async def write(self) -> None:
        """Write what changes; until cancelled."""
        pause_s = PAUSE_S
        while True:
            if not self._unwritten:
                await self._changed.wait()
            await self._gather()
            await self.flush()
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S) if self._unwritten else PAUSE_S
            await anyio.sleep(pause_s)

    async def _gather(self) -> None:
        """Wait for what belongs to a change that has begun; for nothing, where that is not said otherwise."""
        await lowlevel.checkpoint()

    async def flush(self) -> None:
        """Write what has not been written. What cannot be written is left for the next time."""
        # One at a time: two that append to one file would tear each other's records.
        async with self._writing:
            self._changed = anyio.Event()
            failed: set[str] = set()
            while waiting := self._unwritten - failed:
                name = waiting.pop()
                self._unwritten.discard(name)
                if not await self._is_written(name):
                    failed.add(name)
                    self._unwritten.add(name)
                self._count(len(self._unwritten))

    async def _is_written(self, name: str) -> bool:
        try:
            await to_thread.run_sync(self._put, name, abandon_on_cancel=True)
        # Of threads and of memory there may be no more, for now.
        except (OSError, RuntimeError, MemoryError) as err:
            reason = reason_of(err)
            if self._reasons.get(name) != reason:
                self._reasons[name] = reason
                self._tell(name, reason)
            return False
        if self._reasons.pop(name, None) is not None:
            self._tell(name, "")
        return True


def reason_of(err: Exception) -> str:
    """Say in words why something could not be read or written."""
    text = err.strerror if isinstance(err, OSError) else None
    return text or str(err) or type(err).__name__
