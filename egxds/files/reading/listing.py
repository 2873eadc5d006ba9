"""Which files there are to read below the watched paths. Touches the file system, blocks, opens no file.

The reader and the watcher both start here. A listing follows symbolic links to files and directories, each target
once, and remembers which generation of a Kubernetes volume it saw: the kubelet writes each version of a ConfigMap to
a directory of its own and swaps the link `..data`, through which all visible files lead.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".yaml", ".yml", ".json")
GENERATION_LINK = "..data"
_OF_THE_SYSTEM = ("/proc/", "/sys/")
"""Where directories are made up as they are asked for, and links lead to wherever processes are."""

_ERRORS = {
    errno.ENOENT: "does not exist: create it, or correct the path",
    errno.EACCES: "may not be read: give the user that egxds runs as the right to",
    errno.ELOOP: "is a symbolic link that leads back to itself: correct it",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something below the watched paths that cannot be read."""

    path: str
    message: str


FoundFile = Path | os.DirEntry[str]
"""A path that can be asked for its status."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is there at one moment.

    Attributes:
        files: real path → file, to be read; nothing says yet that they are regular files.
        directories: real path → path, of the directories looked into.
        links: symbolic links on the way to a file or directory, below the real path of their directory.
        generations: directory as it was reached → what its `..data` links to.
        faults: directories and links that lead nowhere, or too far.
        left_out: directories that are not looked into, as there are too many.
        others: files that are not read for their names, as they were reached; in the order of the walk.
        empty: given directories below which no file is read.
    """

    files: Mapping[str, FoundFile]
    directories: Mapping[str, str]
    links: tuple[str, ...]
    generations: Mapping[str, str]
    faults: tuple[Fault, ...]
    left_out: tuple[str, ...]
    others: Mapping[str, None]
    empty: tuple[str, ...]

    def swapped(self) -> tuple[str, ...]:
        """Return the directories whose generation is not the one listed any more."""
        return tuple(path for path, target in self.generations.items() if _read_generation(path) != target)


@dataclass(frozen=True, slots=True)
class WalkLimits:
    """How far a look goes.

    Attributes:
        depth: directories inside one another.
        directories: in all.
    """

    depth: int = 32
    directories: int = 10_000


def list_files(paths: tuple[Path, ...], limits: WalkLimits = WalkLimits()) -> Listing:
    """Look below the paths.

    Args:
        paths: files, taken whatever their names, and directories, of which `SUFFIXES` are taken at any depth.
        limits: how far to look.
    """
    walk = _Walk(limits)
    for path in paths:
        walk.start(path)
    walk.go_on()
    return walk.listing()


def is_leftover(name: str) -> bool:
    """Whether a name is hidden, or an editor's: `x~`, `.x.swp`, `#x#`."""
    return name.startswith(".") or name.endswith("~") or (name.startswith("#") and name.endswith("#"))


def is_for_people(name: str) -> bool:
    """Whether nobody takes a file for one that is read, by its name."""
    return name.lower().endswith(".md")


def is_wanted(name: str) -> bool:
    """Whether a file of a directory is read, by its name."""
    return name.lower().endswith(SUFFIXES)


def describe(err: OSError) -> str:
    """Say in words what keeps a file from being read."""
    return _ERRORS.get(err.errno or 0) or f"cannot be read: {err.strerror}"


def _read_generation(directory: str) -> str | None:
    try:
        return str(Path(directory, GENERATION_LINK).readlink())
    except OSError:  # not a Kubernetes volume
        return None


@dataclass(frozen=True, slots=True)
class _Directory:
    """A directory to look into: as it was reached, its real path, how deep it stands, and below which given one."""

    path: str
    real: str
    depth: int
    given: str


class _Walk:
    """One pass over the watched paths."""

    def __init__(self, limits: WalkLimits) -> None:
        self._limits = limits
        self._next: deque[_Directory] = deque()
        self._given: list[str] = []
        self._not_empty: set[str] = set()
        self._files: dict[str, FoundFile] = {}
        self._directories: dict[str, str] = {}
        self._links: list[str] = []
        self._generations: dict[str, str] = {}
        self._faults: list[Fault] = []
        self._others: dict[str, None] = {}

    def listing(self) -> Listing:
        return Listing(
            files=self._files,
            directories=self._directories,
            links=tuple(self._links),
            generations=self._generations,
            faults=tuple(self._faults),
            left_out=tuple(each.path for each in self._next),
            others=self._others,
            empty=tuple(path for path in self._given if path not in self._not_empty),
        )

    def start(self, path: Path) -> None:
        self._note_generation(str(path.parent))
        try:
            is_directory = stat.S_ISDIR(path.stat().st_mode)
        except OSError as err:
            self._faults.append(Fault(str(path), describe(err)))
            return
        if is_directory:
            self._next.append(_Directory(str(path), os.path.realpath(path), 1, str(path)))
        else:
            self._files.setdefault(os.path.realpath(path), path)

    def go_on(self) -> None:
        """Look into directories, the near ones first, until there is none left or there were too many."""
        while self._next and len(self._directories) < self._limits.directories:
            directory = self._next.popleft()
            if directory.real not in self._directories:
                self._look_into(directory)

    def _look_into(self, here: _Directory) -> None:
        if here.depth > self._limits.depth:
            message = f"stands deeper than {self._limits.depth} directories: move it up"
            self._faults.append(Fault(here.path, message))
            return
        try:
            with os.scandir(here.path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as err:
            if here.depth == 1 or not isinstance(err, FileNotFoundError | NotADirectoryError):
                self._faults.append(Fault(here.path, describe(err)))
            return
        self._directories[here.real] = here.path
        if here.depth == 1:
            self._given.append(here.path)
        for entry in entries:
            try:
                self._visit(entry, here)
            except OSError as err:
                self._faults.append(Fault(entry.path, describe(err)))

    def _visit(self, entry: os.DirEntry[str], here: _Directory) -> None:
        if entry.name == GENERATION_LINK:
            self._note_generation(entry.path.removesuffix(f"/{GENERATION_LINK}"))
        if is_leftover(entry.name):
            return
        real = f"{here.real.rstrip('/')}/{entry.name}"
        if entry.is_symlink():
            self._links.append(real)
            self._follow(entry, here)
        elif entry.is_dir(follow_symlinks=False):
            self._next.append(_Directory(entry.path, real, here.depth + 1, here.given))
        else:
            self._take(entry, real, here)

    def _follow(self, entry: os.DirEntry[str], here: _Directory) -> None:
        try:
            is_directory = stat.S_ISDIR(entry.stat().st_mode)
        except OSError as err:
            if not _is_stale(entry.path, err):
                raise
            return
        real = os.path.realpath(entry.path)
        if not is_directory:
            self._take(entry, real, here)
        elif f"{real}/".startswith(_OF_THE_SYSTEM):
            self._faults.append(
                Fault(entry.path, "leads to what is of the system and no files: it is not followed; remove it")
            )
        elif real not in self._directories and f"{here.real}/".startswith(f"{real.rstrip('/')}/"):
            self._faults.append(
                Fault(entry.path, "is a link to a directory that holds it: it is not followed; remove it")
            )
        else:
            self._next.append(_Directory(entry.path, real, here.depth + 1, here.given))

    def _take(self, entry: os.DirEntry[str], real: str, here: _Directory) -> None:
        if is_wanted(entry.name):
            self._files.setdefault(real, entry)
            self._not_empty.add(here.given)
        elif not is_for_people(entry.name):
            self._others[entry.path] = None

    def _note_generation(self, directory: str) -> None:
        target = _read_generation(directory)
        if target is not None:
            self._generations.setdefault(directory, target)


def _is_stale(link: str, err: OSError) -> bool:
    """Whether a link is one that the kubelet removes after its file is gone from the ConfigMap.

    Where the generation itself is missing the link is not: then nobody knows what is in it.
    """
    if not isinstance(err, FileNotFoundError):
        return False
    try:
        if Path(link).readlink().parts[0] != GENERATION_LINK:
            return False
    except OSError:  # the link is gone as well
        return True
    return Path(link).with_name(GENERATION_LINK).is_dir()
