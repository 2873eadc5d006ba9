"""What a command prints: data that must arrive whole, and messages that need not."""

from __future__ import annotations

import io
import os
import sys

FAILED = 1
CLOSED_PIPE = 141
"""The exit status of a program that SIGPIPE ends, 128 + 13: whoever reads has enough, and nothing is wrong."""


def open_streams() -> None:
    """Have the command end where standard output takes no more, and go on where standard error does not."""
    sys.stdout = _text(_Output(1, "w", closefd=False))
    sys.stderr = _text(_Messages(2, "w", closefd=False), line_buffering=True)


def _text(raw: io.FileIO, *, line_buffering: bool = False) -> io.TextIOWrapper:
    # What the locale cannot write is escaped: a file's name is no reason for a traceback.
    encoding = os.device_encoding(raw.fileno()) or sys.getfilesystemencoding()
    line_buffering = line_buffering or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=line_buffering)


class _Output(io.FileIO):
    """Standard output, without which a command has nothing to do."""

    def write(self, data: object) -> int | None:  # type: ignore[override]
        """Write, or end the command and say why, unless the reader has only had enough."""
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            self._discard_rest()
            raise SystemExit(CLOSED_PIPE) from None
        except OSError as err:
            self._discard_rest()
            sys.stderr.write(f"egxds: cannot write to standard output: {err.strerror}\n")
            raise SystemExit(FAILED) from None

    def _discard_rest(self) -> None:
        """Let what is still in a buffer go nowhere, rather than to fail once more at the end of the interpreter."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


class _Messages(io.FileIO):
    """Standard error: a message that nobody can read costs the message."""

    def write(self, data: object) -> int | None:  # type: ignore[override]
        """Write, or do as if."""
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return memoryview(data).nbytes  # type: ignore[arg-type]
