"""The directory of remembered states, `stateDir`. Reads and writes, and blocks: for worker threads.

In it is a file for each Gateway (`egxds.app.held_states`), and one for the input (`egxds.app.last_good`).

Whatever stands in it costs a message about that thing, and never the daemon. Of a file, no more is believed than:

    a regular file of ours or root's, no longer than is ever written, that starts as a state does,
    and whose content is one, of what it is named for ------------------------> its state
    cut off, by a crash or a full disk ----------------------------------------> its last state that is whole
    anything else ------------------------------------------------------------> set aside: renamed, to be looked at

A file grows by what changed (`egxds.sealed_records`), so that an edit costs what it changes here, too:

    no file of ours ---- a state -------------------------------> written beside its place, made durable, and then put
                                                                  there in one step; OPEN
    OPEN --------------- a state that differs ------------------> what differs is appended, and made durable; OPEN
    OPEN --------------- it has outgrown what it began with ----> as if there were no file
    OPEN --------------- it cannot be written, or is another ---> no file of ours

A crash at any moment leaves the state before or the new one, never a part of either: what was appended by half is left
out when it is read. And nothing is appended to what this process has not written, lest it stand behind such a half.

The files hold private keys, and are ours alone; a directory in which others can write is refused, as what stands in it
is served without asking anybody. Two daemons would take each other's files for damaged: one that writes locks the
directory, for as long as it lives.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from egxds.sealed_records import UnreadableStateError

ASIDE_SUFFIX = ".unusable"

LARGEST_BYTES = 512 * 1024 * 1024
"""Of a file that is read: as much as may be read of the files that a state comes from, and is never seen."""

MOST_ASIDE = 10
"""Files that were set aside and are kept; the oldest make room."""

OUTGROWN = 2
"""How many times what it began with a file may come to, before it is begun again."""

SMALL_BYTES = 64 * 1024
"""What it may come to beyond that: to begin a small one again costs more than to go on."""

_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600
_WRITABLE_BY_OTHERS = 0o022
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF, errno.ENOSYS}
"""What a file system says that has none."""

_NOT_OURS = {errno.EACCES, errno.EPERM}
"""What opening a file of somebody else says."""


StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class StateFormat(Generic[StateT]):
    """How states of one sort are written.

    Attributes:
        magic: what each of their files starts with.
        begin: returns what is to be known of a new file, and its content.
        go_on: takes what is known of a file, and a state; returns the same, and what is to be appended.
        decode: takes the name of a file and its content; returns its state, and how many bytes count for nothing.
            Raises UnreadableStateError.
    """

    magic: bytes
    begin: Callable[[StateT], tuple[Any, bytes]]
    go_on: Callable[[Any, StateT], tuple[Any, bytes]]
    decode: Callable[[str, bytes], tuple[StateT, int]]


@dataclass(frozen=True, slots=True)
class Found(Generic[StateT]):
    """What came of one file.

    Attributes:
        path: where it was.
        state: what it holds; None where that cannot be used.
        lost_bytes: what was cut off at its end.
        reason: why it cannot be used.
        aside: where it is now; None where it stayed.
    """

    path: Path
    state: StateT | None = None
    lost_bytes: int = 0
    reason: str = ""
    aside: Path | None = None


class StateDirectory:
    """Reads and writes the files of one directory."""

    def __init__(self, path: Path) -> None:
        """Prepare; nothing is read or made yet.

        Args:
            path: where the files are; made where it is missing.
        """
        self.path = path
        self._files: dict[str, _StateFile] = {}
        self._lock: _Lock | None = None
        self._one_at_a_time = threading.Lock()

    def read(self, pattern: str, kind: StateFormat[StateT]) -> list[Found[StateT]]:
        """Read files, and set aside what is no state.

        Args:
            pattern: of their names.
            kind: how they are written.

        Raises:
            OSError: the directory cannot be read, or is not to be trusted.
        """
        _prepare(self.path)
        found = [_read(path, kind) for path in sorted(self.path.glob(pattern))]
        if any(one.aside for one in found):
            _remove_oldest(self.path)
        return found

    def put(self, name: str, state: StateT | None, kind: StateFormat[StateT]) -> None:
        """Make a file hold a state, or be gone.

        Args:
            name: of the file.
            state: what it is to hold; None where it is to be gone.
            kind: how it is written.

        Raises:
            OSError: it cannot be written.
        """
        with self._one_at_a_time:  # several threads would each find the lock that another has just taken
            _prepare(self.path)
            self._take()
            if state is None:
                self._files.pop(name, None)
                (self.path / name).unlink(missing_ok=True)
            else:
                self._files.setdefault(name, _StateFile(self.path / name)).put(state, kind)

    def _take(self) -> None:
        """Lock the directory, also one that has taken the place of the one before."""
        if self._lock is None or not self._lock.is_of(self.path):
            self._lock = None
            self._lock = _Lock(self.path)


class _Lock:
    """A directory that no other process writes to."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        weakref.finalize(self, os.close, descriptor)
        self._identity = _identity(os.fstat(descriptor))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            message = "another egxds keeps its states there: give each a stateDir of its own"
            raise BlockingIOError(err.errno, message) from err
        except OSError as err:
            if err.errno not in _NO_LOCKS:
                raise

    def is_of(self, path: Path) -> bool:
        return _identity(path.stat()) == self._identity


class _StateFile:
    """One file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: Any = None
        self._identity = (0, 0)
        self._size_bytes = 0
        self._limit_bytes = 0

    def put(self, state: StateT, kind: StateFormat[StateT]) -> None:
        """Make it hold a state.

        Raises:
            OSError: it cannot be written.
        """
        # Only once it is durable does the file hold it; until then nothing is to be appended.
        written, self._written = self._written, None
        if written is None or self._size_bytes > self._limit_bytes or not self._is_ours():
            written, content = kind.begin(state)
            self._identity = _replace(self._path, content)
            self._size_bytes = len(content)
            self._limit_bytes = OUTGROWN * len(content) + SMALL_BYTES
        else:
            written, content = kind.go_on(written, state)
            _append(self._path, content)
            self._size_bytes += len(content)
        self._written = written

    def _is_ours(self) -> bool:
        """Tell whether there is what was written last, and nothing else."""
        try:
            status = self._path.lstat()
        except OSError:
            return False
        return (_identity(status), status.st_size) == (self._identity, self._size_bytes)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _prepare(directory: Path) -> None:
    """Make the directory; refuse one in which others could put a state of their own."""
    directory.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "the directory belongs to another user: chown it to the one that egxds has")
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise PermissionError(errno.EPERM, "others may write to the directory: chmod it to 700")


def _read(path: Path, kind: StateFormat[StateT]) -> Found[StateT]:
    try:
        state, lost_bytes = kind.decode(path.name, _content(path, kind.magic))
    except UnreadableStateError as err:
        return _set_aside(path, str(err))
    except OSError as err:
        reason = err.strerror or str(err)
        return _set_aside(path, reason) if err.errno in _NOT_OURS else Found(path, reason=reason)
    return Found(path, state, lost_bytes)


def _content(path: Path, magic: bytes) -> bytes:
    """Read a file, or as much of it as tells that it is no state.

    Raises:
        OSError: it cannot be read.
        UnreadableStateError: it is nothing to be read.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableStateError("it is no regular file")
    if status.st_size > LARGEST_BYTES:
        raise UnreadableStateError(f"it has {status.st_size} bytes, more than {LARGEST_BYTES}")
    # Whatever has taken its place since: nobody is waited for who might write into a named pipe.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        if file.read(len(magic)) != magic:
            raise UnreadableStateError("it is no state of egxds")
        file.seek(0)
        return file.read(LARGEST_BYTES)


def _set_aside(path: Path, reason: str) -> Found[Any]:
    aside = path.with_name(path.name + ASIDE_SUFFIX)
    try:
        path.replace(aside)
    except OSError as err:
        return Found(path, reason=f"{reason}; and it cannot be renamed: {err.strerror}")
    return Found(path, reason=reason, aside=aside)


def _remove_oldest(directory: Path) -> None:
    aside = sorted(_aside(directory), reverse=True)
    for _, path in aside[MOST_ASIDE:]:
        with contextlib.suppress(OSError):  # a directory, which is nothing of ours to remove
            path.unlink()


def _aside(directory: Path) -> Iterator[tuple[int, Path]]:
    for path in directory.glob(f"*{ASIDE_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            yield path.lstat().st_ctime_ns, path


def _replace(path: Path, content: bytes) -> tuple[int, int]:
    """Put a file in its place; return what tells it from another."""
    draft = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        # Left by a crash. It is not written over: it could be a link that somebody has put there.
        draft.unlink()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as file:
            file.write(content)
            file.flush()
            # Before the new name: a file system may make the name durable first, and the content after the crash.
            os.fsync(file.fileno())
            identity = _identity(os.fstat(file.fileno()))
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            # A full disk has better use for its room.
            draft.unlink()
        raise
    _sync_directory(path.parent)
    return identity


def _append(path: Path, content: bytes) -> None:
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
