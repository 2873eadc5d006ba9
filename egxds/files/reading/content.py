"""One file's content, read only where it may have changed. Touches the file system and blocks; the reader calls it.

A file is believed to be what it was where its inode, size and times are, unless it was young when it was read: a
second write within one tick of the file system's clock changes none of them. So for two seconds, the coarsest tick of
a file system in use, a file is read again with each look, and after that it is not.
"""

from __future__ import annotations

import enum
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from egxds.files.documents.document import FileDocuments
from egxds.files.documents.split import documents_in
from egxds.files.reading.listing import Fault, WalkLimits, describe
from egxds.problems import Problem

_MIB = 1024 * 1024
_FRESH_NS = 2_000_000_000
"""Age from which on the times of a file tell its writes apart: two seconds are the tick of FAT."""

_SPECIAL_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}


class Scan(enum.Enum):
    """How closely files are looked at that seem not to have changed.

    CHANGED trusts a file whose inode, size and times are those of the last read, unless it was then so young that a
    second write within the same tick of the clock could hide. ALL reads every file, for file systems whose times
    cannot be trusted.
    """

    CHANGED = "quick"
    ALL = "full"


Scope = Scan | frozenset[str]
"""What to read: everything, closely or not; or real paths, where no others can have changed."""


WriterCheck = Callable[[str], bool]
"""Says of a real path whether somebody is writing to that file, who has not closed it."""


def nobody_writes(_path: str) -> bool:
    """Take every file for complete."""
    return False


def joined_scope(one: Scope, other: Scope) -> Scope:
    """Return what to read in place of two scopes."""
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one | other
    return Scan.ALL if Scan.ALL in (one, other) else Scan.CHANGED


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much is read; what goes beyond is left unread and reported.

    Attributes:
        file_bytes: of one file.
        files: in all.
        total_bytes: of all files.
        documents: of one file.
        walk: how far directories are looked into.
    """

    file_bytes: int = 32 * _MIB
    files: int = 200_000
    total_bytes: int = 512 * _MIB
    documents: int = 100_000
    walk: WalkLimits = field(default_factory=WalkLimits)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file is written or replaced."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int

    @staticmethod
    def of(status: os.stat_result) -> Stamp:
        """Take the stamp of a file."""
        return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Content:
    """One file as it was read.

    Attributes:
        stamp: of the file when it was opened.
        read_at_ns: clock of this machine just before.
        outcome: its documents, or the problem that keeps it from having any.
    """

    stamp: Stamp
    read_at_ns: int
    outcome: FileDocuments | Problem

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands in it, not even a comment."""
        return isinstance(self.outcome, FileDocuments) and not any(map(str.strip, self.outcome.pieces()))

    def is_current(self, stamp: Stamp) -> bool:
        """Whether a file with this stamp certainly holds what was read."""
        age_ns = self.read_at_ns - max(stamp.modified_ns, stamp.changed_ns)
        return stamp == self.stamp and age_ns > _FRESH_NS


class ContentReader:
    """Reads single files; remembers nothing itself."""

    def __init__(self, limits: ReadLimits, scan: Scan) -> None:
        self._limits = limits
        self._scan = scan

    def read(self, path: str, name: str, known: Content | None) -> Content | Fault | None:
        """Read a file, or return what is known where that is current.

        Args:
            path: of a file, a link to one, or whatever turns out to stand there: only regular files are opened.
            name: the file as the user names it.
            known: what the last read returned.

        Returns:
            The content, what keeps it from being read, or None where the file is gone.
        """
        try:
            status = os.stat(path)  # noqa: PTH116 a Path for each of 10,000 files is more to make than to ask
            refusal = self._refusal(status)
            if refusal:
                return Fault(path, refusal)
            if known and self._scan is Scan.CHANGED and known.is_current(Stamp.of(status)):
                return known
            with open(path, "rb", opener=_open_without_waiting) as stream:
                return self._read_open(stream, name, known)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as err:
            return Fault(path, describe(err))

    def _read_open(self, stream: BinaryIO, name: str, known: Content | None) -> Content | Fault:
        # Of what was opened, which need no longer be what was looked at; before it is read, so that a write meanwhile
        # shows.
        status = os.fstat(stream.fileno())
        read_at_ns = time.time_ns()
        data = self._bytes(stream, status.st_size) if stat.S_ISREG(status.st_mode) else b""
        refusal = self._refusal(status, len(data))
        if refusal:
            return Fault(stream.name, refusal)
        return Content(Stamp.of(status), read_at_ns, self._split(name, data, known))

    def _bytes(self, stream: BinaryIO, size_bytes: int) -> bytes:
        """Read a file whole, or one byte more than is allowed.

        Args:
            stream: the file.
            size_bytes: what it is said to have; room for all that is allowed there need not be.
        """
        most_bytes = self._limits.file_bytes + 1
        data = stream.read(min(size_bytes + 1, most_bytes))
        return data if len(data) <= size_bytes else data + stream.read(most_bytes - len(data))

    def _refusal(self, status: os.stat_result, size_bytes: int = 0) -> str:
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFREG:
            return f"is {_SPECIAL_FILES.get(kind, 'no regular file')}, not a regular file: remove it"
        if max(status.st_size, size_bytes) > self._limits.file_bytes:
            return f"is larger than {self._limits.file_bytes} bytes: split it"
        return ""

    def _split(self, name: str, data: bytes, known: Content | None) -> FileDocuments | Problem:
        before = known.outcome if known and isinstance(known.outcome, FileDocuments) else FileDocuments()
        return documents_in(name, data, self._limits.documents, before)


def _open_without_waiting(path: str, flags: int) -> int:
    """Open without waiting for a writer, should a named pipe have taken the file's place a moment ago."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
