"""How files of `stateDir` are opened, put in their place and made durable. Reads and writes, and blocks.

Of what stands there nothing is believed that others may have put there: the directory is ours or root's and nobody
else may write to it, a file is a regular one, no link is followed, and nobody is waited for who might write into a
named pipe. A file comes to be beside its place, is made durable, and is then put there in one step.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from egxds.sealed_records import UnreadableStateError

ASIDE_SUFFIX = ".unusable"

LARGEST_BYTES = 512 * 1024 * 1024
"""Of a file that is read: as much as may be read of the files that a state comes from, and is never seen."""

MOST_ASIDE = 10
"""Files that were set aside and are kept; the oldest make room."""

Identity = tuple[int, int]
"""What tells a file from another that has taken its place."""

_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600
_WRITABLE_BY_OTHERS = 0o022


def identity_of(status: os.stat_result) -> Identity:
    """Return what tells a file, or a directory, from another."""
    return status.st_dev, status.st_ino


def make_directory(directory: Path) -> None:
    """Make the directory; refuse one in which others could put a state of their own.

    Raises:
        OSError: it cannot be made, or is not to be trusted.
    """
    directory.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "the directory belongs to another user: chown it to the one that egxds has")
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise PermissionError(errno.EPERM, "others may write to the directory: chmod it to 700")


@contextlib.contextmanager
def opened(path: Path, magic: bytes, most_bytes: int = LARGEST_BYTES) -> Iterator[BinaryIO]:
    """Open a file at its beginning, which has to be that of a state.

    Args:
        path: where it is.
        magic: what it starts with.
        most_bytes: that it may have.

    Raises:
        OSError: it cannot be read.
        UnreadableStateError: it is nothing to be read.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableStateError("it is no regular file")
    if status.st_size > most_bytes:
        raise UnreadableStateError(f"it has {status.st_size} bytes, more than {most_bytes}")
    # Whatever has taken its place since: nobody is waited for who might write into a named pipe.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        if file.read(len(magic)) != magic:
            raise UnreadableStateError("it is no state of egxds")
        file.seek(0)
        yield file


def set_aside(path: Path) -> Path:
    """Rename what cannot be used, so that it can be looked at; return where it is now. Raises OSError."""
    aside = path.with_name(path.name + ASIDE_SUFFIX)
    path.replace(aside)
    return aside


def remove_oldest_aside(directory: Path) -> None:
    """Remove what was set aside first, where too much is."""
    aside = sorted(_aside(directory), reverse=True)
    for _, path in aside[MOST_ASIDE:]:
        with contextlib.suppress(OSError):  # a directory, which is nothing of ours to remove
            path.unlink()


def _aside(directory: Path) -> Iterator[tuple[int, Path]]:
    for path in directory.glob(f"*{ASIDE_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            yield path.lstat().st_ctime_ns, path


def put_in_place(path: Path, content: Iterable[bytes]) -> Identity:
    """Put a file in its place; return what tells it from another.

    Args:
        path: its place.
        content: what it holds, in pieces.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    draft = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        # Left by a crash. It is not written over: it could be a link that somebody has put there.
        draft.unlink()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as file:
            file.writelines(content)
            file.flush()
            # Before the new name: a file system may make the name durable first, and the content after the crash.
            os.fsync(file.fileno())
            identity = identity_of(os.fstat(file.fileno()))
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            # A full disk has better use for its room.
            draft.unlink()
        raise
    _sync_directory(path.parent)
    return identity


def append(path: Path, content: bytes) -> None:
    """Have a file hold more, and make that durable. Raises OSError."""
    if not content:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Make the new name durable too."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
