"""Who waits for a change of which key, as a watch tells it. Awaits.

A change is told behind what a look has found, and may be older than that: whoever waits says what they have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from egxds.etcd.operations import WatchNews


class Changes:
    """What is told of one key to whoever waits for it."""

    def __init__(self) -> None:
        """Know of no change."""
        self._revision = 0
        self._changed = anyio.Event()

    def heard(self, revision: int) -> None:
        """Take note of a change."""
        self._revision = max(self._revision, revision)
        self._changed.set()

    async def after(self, revision: int) -> None:
        """Wait for a change that is newer than what was seen; each is told once."""
        while self._revision <= revision:
            self._changed = anyio.Event()
            await self._changed.wait()
        # A removal is told with the revision of all that is told with it: what stands there by now may be older.
        self._revision = 0


class WatchedKeys:
    """All keys that somebody waits for."""

    def __init__(self) -> None:
        """Wait for none."""
        self._waiting: defaultdict[str, list[Changes]] = defaultdict(list)

    @contextmanager
    def watched(self, key: str) -> Iterator[Changes]:
        """Be told of the changes of a key from now on, for as long as the block runs."""
        changes = Changes()
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

    def _tell(self, key: str, revision: int) -> None:
        for changes in self._waiting.get(key, ()):
            changes.heard(revision)
