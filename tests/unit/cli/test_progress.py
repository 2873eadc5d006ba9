"""What takes its time is said to people at a terminal, and to nobody else."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from egxds.cli import progress


class _Stream(io.StringIO):
    """Standard error."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal
        self.is_told = threading.Event()

    def isatty(self) -> bool:
        return self._is_terminal

    def flush(self) -> None:
        self.is_told.set()


def test_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once it takes long, and the line is empty again behind it."""
    stream = _Stream(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "_PATIENCE_S", 0)
    with progress.progress("reading files"):
        assert stream.is_told.wait(30)
        assert stream.getvalue() == "\r\x1b[Kegxds: reading files …"
    assert stream.getvalue().endswith("\r\x1b[K")


def test_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log has no use for it."""
    stream = _Stream(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.progress("reading files"):
        pass
    assert stream.getvalue() == ""


def test_what_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of it."""
    stream = _Stream(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "_PATIENCE_S", 3600)
    with progress.progress("reading files"):
        pass
    assert "reading" not in stream.getvalue()
