"""What a child process prints, among what we print ourselves. Starts threads.

A child that wrote to our standard error itself would stand still with whoever reads it. So it writes into pipes, which
are always read: what cannot be written on is lost, and counted.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from egxds.standard_streams.daemon import errors, output
from egxds.standard_streams.line_writer import LineWriter

_CHUNK_BYTES = 64 * 1024
_LONGEST_LINE_BYTES = 1024 * 1024
_LAST_LINES_LIMIT_S = 1.0


@contextlib.contextmanager
def forwarded_output() -> Iterator[tuple[int, int]]:
    """Return what a child is to have as its standard output and standard error; it is to end within."""
    with _forwarding(output) as stdout, _forwarding(errors) as stderr:
        yield stdout, stderr


@contextlib.contextmanager
def _forwarding(writer: LineWriter) -> Iterator[int]:
    source, sink = os.pipe()
    thread = threading.Thread(target=_forward, args=(source, writer), name="output of a child", daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        # The last one that is open: the thread has read all when it sees the end.
        os.close(sink)
        thread.join(_LAST_LINES_LIMIT_S)


def _forward(source: int, writer: LineWriter) -> None:
    begun = b""
    with open(source, "rb", buffering=0) as pipe:
        while chunk := pipe.read(_CHUNK_BYTES):
            lines, line_break, begun = (begun + chunk).rpartition(b"\n")
            writer.put(lines + line_break)
            if len(begun) > _LONGEST_LINE_BYTES:
                writer.put(begun + b"\n")
                begun = b""
    if begun:
        writer.put(begun + b"\n")
