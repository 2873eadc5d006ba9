"""Lines to a file descriptor that may be full, closed, or read by nobody: whoever writes never waits, and never fails.

Lines go into a queue of bounded size, and a thread writes them, as many at once as there are.

    put ----- the queue has room ---------------> queued
    put ----- it has none ----------------------> lost
    queued -- written ---------------------------> gone from the queue
    queued -- the descriptor takes none of it ---> lost: a full disk, a closed pipe
    lost ---- the next line that can be written -> before it stands a line that says how many were lost there

What is lost costs its lines and nothing else. The order is that of `put`. A line that was written by half, when the
disk became full, is ended before the next one starts.

The thread is a daemon, and blocks for as long as the descriptor does. O_NONBLOCK in its place would be set for every
process that has the same pipe or terminal open.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
from collections.abc import Callable

LIMIT_BYTES = 4 * 1024 * 1024
"""What may wait: some 20,000 lines."""

RETRY_S = 1.0
"""How often it is tried to say that lines were lost, while no others come."""

_BATCH_BYTES = 64 * 1024

_Entry = bytes | int | threading.Event
"""Lines, how many were lost at this place, or somebody who waits for what is before."""


def plain_notice(lines: int) -> str:
    """Say that lines were lost."""
    return f"egxds: {lines} log lines were lost"


class LineWriter:
    """Writes lines to one file descriptor.

    Attributes:
        lost: lines that were not written, so far.
        notice: what says how many were lost, without a line break.
    """

    def __init__(self, descriptor: int, limit_bytes: int = LIMIT_BYTES) -> None:
        """Prepare; the thread starts with the first line.

        Args:
            descriptor: stays open for as long as the process lives.
            limit_bytes: what may wait.
        """
        self._descriptor = descriptor
        self.lost = 0
        self.notice: Callable[[int], str] = plain_notice
        self._limit_bytes = limit_bytes
        self._entries: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._lost_behind = 0
        self._untold = 0
        self._is_torn = False
        self._thread: threading.Thread | None = None
        # Reentrant: the garbage collector may run within, and have something to say.
        self._lock = threading.RLock()

    def put(self, lines: bytes) -> None:
        """Have lines written soon, or lose them; returns at once.

        Args:
            lines: whole ones, each with its line break.
        """
        if not lines:
            return
        with self._lock:
            if self._waiting_bytes + len(lines) > self._limit_bytes or not self._is_running():
                self._lose(lines)
                self._lost_behind += lines.count(b"\n")
                return
            self._waiting_bytes += len(lines)
            self._enqueue(lines)

    def flush(self, limit_s: float) -> None:
        """Wait until what was put before is written or lost, but no longer than for some seconds."""
        done = threading.Event()
        with self._lock:
            if self._thread is None:
                return
            self._enqueue(done)
        done.wait(limit_s)

    def _enqueue(self, entry: _Entry) -> None:
        if self._lost_behind:
            self._entries.put(self._lost_behind)
            self._lost_behind = 0
        self._entries.put(entry)

    def _lose(self, lines: bytes) -> None:
        self.lost += lines.count(b"\n")

    def _is_running(self) -> bool:
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name=f"lines to {self._descriptor}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # there are no more threads, for now
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            try:
                entry: _Entry | None = self._entries.get(timeout=RETRY_S if self._untold or self._lost_behind else None)
            except queue.Empty:
                self._untold += self._take_lost_behind()
                self._tell()
                continue
            entry = self._write_from(entry)
            if isinstance(entry, int):
                self._untold += entry
                self._tell()
            elif entry is not None:
                entry.set()

    def _take_lost_behind(self) -> int:
        with self._lock:
            lost, self._lost_behind = self._lost_behind, 0
        return lost

    def _write_from(self, entry: _Entry | None) -> int | threading.Event | None:
        """Write the lines that wait; return the first entry that is none."""
        batch: list[bytes] = []
        size_bytes = 0
        while isinstance(entry, bytes):
            batch.append(entry)
            size_bytes += len(entry)
            entry = self._next() if size_bytes < _BATCH_BYTES else None
        try:
            self._write_lines(b"".join(batch))
        finally:
            with self._lock:
                self._waiting_bytes -= size_bytes
        return entry

    def _next(self) -> _Entry | None:
        try:
            return self._entries.get_nowait()
        except queue.Empty:
            return None

    def _write_lines(self, lines: bytes) -> None:
        if not lines:
            return
        self._tell()
        left = lines if self._untold else self._write(lines)
        with self._lock:
            self._lose(left)
        self._untold += left.count(b"\n")

    def _tell(self) -> None:
        """Say how many lines were lost; while that cannot be written, nothing can."""
        if self._untold and not self._write(f"{self.notice(self._untold)}\n".encode()):
            self._untold = 0

    def _write(self, data: bytes) -> bytes:
        """Write what can be written; return what is left of it."""
        if self._is_torn and self._write_start(b"\n"):
            return data
        left = self._write_start(data)
        end = len(data) - len(left)
        self._is_torn = end > 0 and data[end - 1 : end] != b"\n"
        return left

    def _write_start(self, data: bytes) -> bytes:
        left = data
        with contextlib.suppress(OSError):
            while left:
                left = left[self._write_some(left) :]
        return left

    def _write_some(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            # Somebody else has made it non-blocking.
            waiting = select.poll()
            waiting.register(self._descriptor, select.POLLOUT)
            waiting.poll()
            return 0
