"""Which directories to watch, and which of their names matter. Touches the file system and blocks; opens no file.

A watch on a file ends with the file, so only directories are watched, each by its real path and not recursively:
those that hold files to be read, and those that hold a name on the way to one (the path itself, each symbolic link
and its target, the first name that is missing).
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from egxds.files.reading.edited import is_regular
from egxds.files.reading.listing import is_leftover, list_files

_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """What to watch. Equal plans watch the same directories, not others of the same name.

    Attributes:
        directories: real path → (device, inode); those that hold files first, the near ones before the far ones.
        whole: those in which all names matter but editors' leftovers.
        points: paths that matter in the others.
    """

    directories: Mapping[str, tuple[int, int]]
    whole: frozenset[str]
    points: frozenset[str]

    def concerns(self, path: str) -> bool:
        """Whether a change of this path can change what is read."""
        if path in self.points:
            return True
        directory, _, name = path.rpartition("/")
        return directory in self.whole and not is_leftover(name)


def holds_after(plan: WatchPlan, paths: Iterable[str]) -> bool:
    """Tell whether a plan certainly still holds after some paths changed: they are regular files, or gone ones.

    Args:
        plan: of before the change.
        paths: real.
    """
    return not any(path in plan.points or path in plan.directories or is_regular(path) is None for path in paths)


def plan_watches(paths: tuple[Path, ...]) -> WatchPlan:
    """Find out what to watch for these paths, as things stand.

    Args:
        paths: absolute; what they lead to need not exist.
    """
    listing = list_files(paths)
    points = {point for path in paths for point in _steps_to(Path(path.anchor), path.parts[1:])}
    points.update(point for link in map(Path, listing.links) for point in _steps_to(link.parent, (link.name,)))
    whole = frozenset(listing.directories)
    return WatchPlan(
        directories=dict(_identities(dict.fromkeys([*listing.directories, *(str(point.parent) for point in points)]))),
        whole=whole,
        points=frozenset(map(str, points)),
    )


def _steps_to(start: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """Yield each path whose creation, removal or replacement changes what a path leads to.

    Args:
        start: real path of a directory.
        parts: the rest of the path.
    """
    current, pending, links = start, list(reversed(parts)), 0
    while pending and links < _MOST_LINKS:
        here = current.parent if pending[-1] == ".." else current / pending[-1]
        pending.pop()
        try:
            target = here.readlink() if stat.S_ISLNK(here.lstat().st_mode) else None
        except OSError:  # missing, or hidden from us: what comes after it cannot be known
            yield here
            return
        if target is None:
            current = here
            continue
        yield here
        links += 1
        current = Path(target.anchor) if target.is_absolute() else current
        pending.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
    yield current


def _identities(directories: Iterable[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    for directory in directories:
        try:
            status = Path(directory).stat()
        except OSError:  # gone again: the directory above it is in the plan
            continue
        yield directory, (status.st_dev, status.st_ino)
