"""Which files there are to read below the watched paths. Touches the file system, blocks, opens no file.

The reader and the watcher both start here. A listing follows symbolic links to files and directories, each target
once, and remembers which generation of a Kubernetes volume it saw: the kubelet writes each version of a ConfigMap to
a directory of its own and swaps the link `..data`, through which all visible files lead.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".yaml", ".yml", ".json")
GENERATION_LINK = "..data"
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
        faults: directories and links that lead nowhere.
    """

    files: Mapping[str, FoundFile]
    directories: Mapping[str, str]
    links: tuple[str, ...]
    generations: Mapping[str, str]
    faults: tuple[Fault, ...]

    def swapped(self) -> tuple[str, ...]:
        """Return the directories whose generation is not the one listed any more."""
        return tuple(path for path, target in self.generations.items() if _read_generation(path) != target)


def list_files(paths: tuple[Path, ...], directory_depth: int) -> Listing:
    """Look below the paths.

    Args:
        paths: files, taken whatever their names, and directories, of which `SUFFIXES` are taken at any depth.
        directory_depth: how many directories may stand inside one another.
    """
    walk = _Walk(directory_depth)
    for path in paths:
        walk.start(path)
    return walk.listing()


def is_leftover(name: str) -> bool:
    """Whether a name is hidden, or an editor's: `x~`, `.x.swp`, `#x#`."""
    return name.startswith(".") or name.endswith("~") or (name.startswith("#") and name.endswith("#"))


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


class _Walk:
    """One pass over the watched paths."""

    def __init__(self, directory_depth: int) -> None:
        self._directory_depth = directory_depth
        self._files: dict[str, FoundFile] = {}
        self._directories: dict[str, str] = {}
        self._links: list[str] = []
        self._generations: dict[str, str] = {}
        self._faults: list[Fault] = []

    def listing(self) -> Listing:
        return Listing(
            files=self._files,
            directories=self._directories,
            links=tuple(self._links),
            generations=self._generations,
            faults=tuple(self._faults),
        )

    def start(self, path: Path) -> None:
        self._note_generation(str(path.parent))
        try:
            is_directory = stat.S_ISDIR(path.stat().st_mode)
        except OSError as err:
            self._faults.append(Fault(str(path), describe(err)))
            return
        if is_directory:
            self._look_into(str(path), os.path.realpath(path), 1)
        else:
            self._files.setdefault(os.path.realpath(path), path)

    def _look_into(self, path: str, real: str, depth: int) -> None:
        if real in self._directories:
            return
        if depth > self._directory_depth:
            self._faults.append(Fault(path, f"stands deeper than {self._directory_depth} directories: move it up"))
            return
        try:
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as err:
            if depth == 1 or not isinstance(err, FileNotFoundError | NotADirectoryError):
                self._faults.append(Fault(path, describe(err)))
            return
        self._directories[real] = path
        for entry in entries:
            try:
                self._visit(entry, f"{real}/{entry.name}", depth)
            except OSError as err:
                self._faults.append(Fault(entry.path, describe(err)))

    def _visit(self, entry: os.DirEntry[str], real: str, depth: int) -> None:
        if entry.name == GENERATION_LINK:
            self._note_generation(entry.path.removesuffix(f"/{GENERATION_LINK}"))
        if is_leftover(entry.name):
            return
        if entry.is_symlink():
            self._links.append(real)
            self._follow(entry, depth)
        elif entry.is_dir(follow_symlinks=False):
            self._look_into(entry.path, real, depth + 1)
        elif is_wanted(entry.name):
            self._files.setdefault(real, entry)

    def _follow(self, entry: os.DirEntry[str], depth: int) -> None:
        try:
            is_directory = stat.S_ISDIR(entry.stat().st_mode)
        except OSError as err:
            if is_wanted(entry.name) and not _is_stale(entry.path, err):
                raise
            return
        if is_directory:
            self._look_into(entry.path, os.path.realpath(entry.path), depth + 1)
        elif is_wanted(entry.name):
            self._files.setdefault(os.path.realpath(entry.path), entry)

    def _note_generation(self, directory: str) -> None:
        target = _read_generation(directory)
        if target is not None:
            self._generations.setdefault(directory, target)


def _is_stale(link: str, err: OSError) -> bool:
    """Whether a link is one that the kubelet removes after its file is gone from the ConfigMap."""
    if not isinstance(err, FileNotFoundError):
        return False
    try:
        return Path(link).readlink().parts[0] == GENERATION_LINK
    except OSError:  # the link is gone as well
        return True
