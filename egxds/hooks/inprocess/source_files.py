"""Notices that the code of an extension has changed. Awaits, reads directories.

Only files of code count: routes, and what a hook writes itself, may lie beside them, and each edit of those would have
everything asked again.
They are looked at twice a second: there are few of them, and a watcher of directories would have to tell what an editor
leaves behind and what Python itself writes there. A change counts when the next look finds it again: then nobody is in
the middle of writing it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

import anyio
from anyio import to_thread

LOOK_EVERY_S = 0.5
SETTLE_S = 0.1
_SHARE = 50
"""Where a look takes long, no more than this part of the time is spent on them."""

MAX_FILES = 10_000
"""Of one extension; what is beyond is not looked at."""

_PASSED_OVER = frozenset({"__pycache__", "site-packages", "dist-packages", "node_modules"})
_CODE = (".py", ".so")

Fingerprint = int


class SourceFiles:
    """The files of code below some places."""

    def __init__(self, places: Callable[[], tuple[str, ...]]) -> None:
        """Prepare; nothing is read yet.

        Args:
            places: returns files, and directories with a `/` behind. There may be others once the code is loaded.
        """
        self._places = places
        self._known: Mapping[str, Fingerprint] = {}
        self._look_took_s = 0.0

    async def note(self) -> None:
        """Take what there is now for known."""
        self._known = await self._look()

    async def follow(self, on_change: Callable[[], object]) -> None:
        """Call `on_change` whenever something is otherwise than before, without end."""
        while True:
            await self._changed()
            on_change()

    async def _changed(self) -> None:
        """Wait until something is otherwise than what is known; that is known then."""
        while True:
            await anyio.sleep(max(LOOK_EVERY_S, self._look_took_s * _SHARE))
            found = await self._look()
            if found == self._known:
                continue
            await anyio.sleep(SETTLE_S)
            if found == await self._look():
                known, self._known = self._known, found
                # A place that was not looked at before has not changed.
                if any(found.get(place, before) != before for place, before in known.items()):
                    return

    async def _look(self) -> Mapping[str, Fingerprint]:
        places, begun_s = self._places(), anyio.current_time()
        found = await to_thread.run_sync(lambda: {place: fingerprint(place) for place in places})
        self._look_took_s = anyio.current_time() - begun_s
        return found


def fingerprint(place: str) -> Fingerprint:
    """Return a number that is another one when a file is changed, comes or goes.

    Args:
        place: a file, or a directory with a `/` behind.
    """
    found: set[tuple[str, int, int, int]] = set()
    for path in _files(place):
        try:
            about = os.stat(path)  # noqa: PTH116 ten thousand of them
        except OSError:
            continue
        found.add((path, about.st_mtime_ns, about.st_size, about.st_ino))
        if len(found) >= MAX_FILES:
            break
    return hash(tuple(sorted(found)))


def _files(place: str) -> Iterator[str]:
    if not place.endswith("/"):
        yield place
        return
    for directory, directories, files in os.walk(place, followlinks=True):
        directories[:] = [name for name in directories if name not in _PASSED_OVER and not name.startswith(".")]
        yield from (f"{directory}/{name}" for name in files if name.endswith(_CODE))
