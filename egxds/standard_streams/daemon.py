"""What a daemon writes to standard output and standard error, by itself or through the interpreter and libraries."""

from __future__ import annotations

import atexit
import io
import os
import sys
import threading
from collections.abc import Callable

from egxds.standard_streams.line_writer import LineWriter

EXIT_LIMIT_S = 1.0
"""How long the end of the process waits for who reads its log."""

output = LineWriter(1)
errors = LineWriter(2)


def queue_lines() -> None:
    """Have threads write what goes to `sys.stdout` and `sys.stderr` from now on, in whole lines.

    What still waits at the end of the process gets a moment.
    """
    sys.stdout, sys.stderr = LineStream(output, 1), LineStream(errors, 2)
    # After the traceback of what nobody caught, which the interpreter writes before.
    atexit.register(write_rest)


def lines_lost() -> int:
    """Return how many lines of both were not written."""
    return output.lost + errors.lost


def describe_losses(notice: Callable[[int], str]) -> None:
    """Say in another form that lines of standard error were lost.

    Args:
        notice: takes their number, returns a line.
    """
    errors.notice = notice


def write_rest() -> None:
    """Write what waits, lines that were begun too; what nobody takes in time is lost."""
    for stream, writer in ((sys.stdout, output), (sys.stderr, errors)):
        if isinstance(stream, LineStream):
            stream.end_line()
        writer.flush(EXIT_LIMIT_S)


class LineStream(io.TextIOBase):
    """A text stream in front of a writer of lines."""

    def __init__(self, writer: LineWriter, descriptor: int) -> None:
        self._writer = writer
        self._descriptor = descriptor
        self._begun = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Always this, whatever the locale."""
        return "utf-8"

    def writable(self) -> bool:
        """Tell that it takes text."""
        return True

    def isatty(self) -> bool:
        """Tell whether a terminal is behind it."""
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        """Return what is behind it."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Take text; lines are written once they are whole."""
        with self._lock:
            whole, line_break, self._begun = (self._begun + text).rpartition("\n")
            if line_break:
                self._writer.put(f"{whole}\n".encode(errors="backslashreplace"))
        return len(text)

    def end_line(self) -> None:
        """End a line that was begun."""
        with self._lock:
            if self._begun:
                self.write("\n")
