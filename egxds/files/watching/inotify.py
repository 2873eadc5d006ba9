"""Events of directories from Linux itself, read on the event loop as they come.

A library that watches in a thread is polled by another one, and the news of a change is 40 ms old when it arrives;
from the kernel's queue it takes less than one. Watched are directories, each by itself. What an event says is turned
into what the gathering goes by; what says that events were lost, or that a watched directory is another one than
before, comes without a path.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator

import anyio

from egxds.files.watching.gathering import Notice, Noticed

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_UNMOUNT, _Q_OVERFLOW, _IGNORED = 0x2000, 0x4000, 0x8000
_ONLY_DIRECTORIES = 0x1000000
_WATCHED = (
    _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
) | _ONLY_DIRECTORIES
_LOST = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _Q_OVERFLOW | _IGNORED
_NOTICES = (
    (_CLOSE_WRITE | _MOVED_TO, Notice.COMPLETE),
    (_DELETE | _MOVED_FROM, Notice.GONE),
    (_CREATE, Notice.OPEN),
    (_MODIFY, Notice.WRITING),
    (_ATTRIB, Notice.ATTRIBUTES),
)
_HEAD = struct.Struct("iIII")
_BUFFER_BYTES = 256 * 1024
_UNWATCHABLE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG})
"""A directory that is gone by now, or that may not be listed: what comes of it the next plan or the poll tells."""

_libc = ctypes.CDLL(None, use_errno=True)
IS_AVAILABLE = hasattr(_libc, "inotify_init1")


class Inotify:
    """The events of some directories.

    Attributes:
        unwatched: of those given, the ones for which there was no watch left.
    """

    def __init__(self, directories: Iterable[str]) -> None:
        """Start to watch. Touches the file system and blocks.

        Args:
            directories: real paths, in the order in which they are to have what watches there are.

        Raises:
            OSError: the system gives no watches.
        """
        self._paths: dict[int, str] = {}
        self._descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            self.unwatched = tuple(path for path in directories if not self._watch(path))
        except OSError:
            self.close()
            raise

    async def next_notices(self, timeout_s: float) -> list[Noticed]:
        """Wait for events; none come where there were none in time.

        Args:
            timeout_s: seconds.
        """
        with anyio.move_on_after(timeout_s):
            await anyio.wait_readable(self._descriptor)
            return list(self._notices(os.read(self._descriptor, _BUFFER_BYTES)))
        return []

    def close(self) -> None:
        """End the watches."""
        os.close(self._descriptor)

    def _watch(self, path: str) -> bool:
        """Watch a directory; tell whether there was a watch left for it."""
        try:
            watch = _checked(_libc.inotify_add_watch(self._descriptor, os.fsencode(path), ctypes.c_uint32(_WATCHED)))
        except OSError as err:
            if err.errno not in _UNWATCHABLE and err.errno != errno.ENOSPC:
                raise
            return err.errno != errno.ENOSPC
        self._paths[watch] = path
        return True

    def _notices(self, data: bytes) -> Iterator[Noticed]:
        position = 0
        while position < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, position)
            position += _HEAD.size + length
            if mask & _LOST:
                yield Noticed(None, Notice.GONE)
            elif length:  # else it is about the directory, whose own directory tells it too
                name = os.fsdecode(data[position - length : position].rstrip(b"\0"))
                yield Noticed(f"{self._paths[watch].rstrip('/')}/{name}", _notice(mask))


def _notice(mask: int) -> Notice:
    return next(notice for bits, notice in _NOTICES if mask & bits)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
