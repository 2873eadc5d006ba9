"""Who waits for a change of which key, as a watch tells it. Awaits.

A change is told behind what a look has found, and may be older than that: whoever waits says what they have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from egxds.etcd.errors import UnavailableError
from egxds.etcd.operations import WatchNews


class Changes:
    """What is told of one key to whoever waits for it."""

    def __init__(self) -> None:
        """Know of no change."""
        self._revision = 0
        self._is_over = False
        self._changed = anyio.Event()

    def end(self) -> None:
        """Take note that nothing more is told."""
        self._is_over = True
        self._changed.set()

    def heard(self, revision: int) -> None:
        """Take note of a change."""
        self._revision = max(self._revision, revision)
        self._changed.set()

    async def after(self, revision: int) -> None:
        """Wait for a change that is newer than what was seen; each is told once.

        Raises:
            UnavailableError: nothing more is told.
        """
        while self._revision <= revision:
            if self._is_over:
                raise UnavailableError("the watch has ended")
            self._changed = anyio.Event()
            await self._changed.wait()
        # A removal is told with the revision of all that is told with it: what stands there by now may be older.
        self._revision = 0


class WatchedKeys:
    """All keys that somebody waits for."""

    def __init__(self) -> None:
        """Wait for none."""
        self._waiting: defaultdict[str, list[Changes]] = defaultdict(list)
        self._is_over = False

    @contextmanager
    def watched(self, key: str) -> Iterator[Changes]:
        """Be told of the changes of a key from now on, for as long as the block runs."""
        changes = Changes()
        if self._is_over:
            changes.end()
        self._waiting[key].append(changes)
        try:
            yield changes
        finally:
            self._waiting[key].remove(changes)
            if not self._waiting[key]:
                del self._waiting[key]

    def hear(self, news: WatchNews) -> None:
        """Tell whoever waits for it what a watch tells."""
        for each in news.put:
            self._tell(each.key, each.mod_revision)
        for key in news.deleted:
            self._tell(key, news.revision)

    def end(self) -> None:
        """Tell all who wait, and whoever comes, that nothing more is told."""
        self._is_over = True
        for waiting in self._waiting.values():
            for changes in waiting:
                changes.end()

    def _tell(self, key: str, revision: int) -> None:
        for changes in self._waiting.get(key, ()):
            changes.heard(revision)
