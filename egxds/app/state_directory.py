"""The directory of remembered states, `stateDir`. Reads and writes, and blocks: for worker threads.

In it is a file for each Gateway (`egxds.app.held_states`), one for the input (`egxds.app.last_good`), and one for what
was in force before (`egxds.app.history`).

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

import errno
import fcntl
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from egxds.app.state_files import (
    LARGEST_BYTES,
    append,
    identity_of,
    make_directory,
    opened,
    put_in_place,
    remove_oldest_aside,
    set_aside,
)
from egxds.sealed_records import UnreadableStateError

OUTGROWN = 2
"""How many times what it began with a file may come to, before it is begun again."""

SMALL_BYTES = 64 * 1024
"""What it may come to beyond that: to begin a small one again costs more than to go on."""

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
        make_directory(self.path)
        found = [_read(path, kind) for path in sorted(self.path.glob(pattern))]
        if any(one.aside for one in found):
            remove_oldest_aside(self.path)
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
            self._claim()
            if state is None:
                self._files.pop(name, None)
                (self.path / name).unlink(missing_ok=True)
            else:
                self._files.setdefault(name, _StateFile(self.path / name)).put(state, kind)

    def claim(self) -> None:
        """Have the directory there, and ours alone to write to for as long as this process lives.

        Raises:
            OSError: it cannot be made, is not to be trusted, or another process writes to it.
        """
        with self._one_at_a_time:
            self._claim()

    def _claim(self) -> None:
        """Lock the directory, also one that has taken the place of the one before."""
        make_directory(self.path)
        if self._lock is None or not self._lock.is_of(self.path):
            self._lock = None
            self._lock = _Lock(self.path)


class _Lock:
    """A directory that no other process writes to."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        weakref.finalize(self, os.close, descriptor)
        self._identity = identity_of(os.fstat(descriptor))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            message = "another egxds keeps its states there: give each a stateDir of its own"
            raise BlockingIOError(err.errno, message) from err
        except OSError as err:
            if err.errno not in _NO_LOCKS:
                raise

    def is_of(self, path: Path) -> bool:
        return identity_of(path.stat()) == self._identity


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
            self._identity = put_in_place(self._path, (content,))
            self._size_bytes = len(content)
            self._limit_bytes = OUTGROWN * len(content) + SMALL_BYTES
        else:
            written, content = kind.go_on(written, state)
            append(self._path, content)
            self._size_bytes += len(content)
        self._written = written

    def _is_ours(self) -> bool:
        """Tell whether there is what was written last, and nothing else."""
        try:
            status = self._path.lstat()
        except OSError:
            return False
        return (identity_of(status), status.st_size) == (self._identity, self._size_bytes)


def _read(path: Path, kind: StateFormat[StateT]) -> Found[StateT]:
    try:
        state, lost_bytes = kind.decode(path.name, _content(path, kind.magic))
    except UnreadableStateError as err:
        return _unusable(path, str(err))
    except OSError as err:
        reason = err.strerror or str(err)
        return _unusable(path, reason) if err.errno in _NOT_OURS else Found(path, reason=reason)
    return Found(path, state, lost_bytes)


def _content(path: Path, magic: bytes) -> bytes:
    with opened(path, magic) as file:
        return file.read(LARGEST_BYTES)


def _unusable(path: Path, reason: str) -> Found[Any]:
    try:
        return Found(path, reason=reason, aside=set_aside(path))
    except OSError as err:
        return Found(path, reason=f"{reason}; and it cannot be renamed: {err.strerror}")
