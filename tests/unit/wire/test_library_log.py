"""What grpclib writes by itself of calls that it cannot make sense of: each kind once a minute, and no more."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from egxds.wire.grpc import library_log

SERVER = logging.getLogger("grpclib.server")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A filter that has let nothing through yet, and its clock."""
    now_s = [0.0]
    before = tuple(SERVER.filters)
    SERVER.filters.clear()
    monkeypatch.setattr(library_log, "_FILTER", library_log._SeldomRepeated())
    monkeypatch.setattr("egxds.wire.grpc.library_log.time.monotonic", lambda: now_s[0])
    library_log.repeat_seldom()
    yield now_s
    SERVER.filters[:] = before


def fail(error: Exception, count: int = 1) -> None:
    """Have the library log a failure."""
    for _ in range(count):
        SERVER.error("Application error", exc_info=error)


def test_a_traceback_is_written_once_a_minute(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """However often a call fails, and whatever the client had in it; the next one says how many there were."""
    fail(ValueError("one"), 100)
    fail(ValueError("x" * 1_000_000), 100)
    assert [record.getMessage() for record in caplog.records] == ["Application error"]
    clock[0] = 60.0
    fail(ValueError("again"), 2)
    assert [record.getMessage() for record in caplog.records][1:] == ["Application error (and 199 more of the kind)"]


@pytest.mark.usefixtures("clock")
def test_another_kind_is_written_beside_it(caplog: pytest.LogCaptureFixture) -> None:
    """A flood of one failure hides no other."""
    fail(ValueError("one"), 100)
    fail(KeyError("other"))
    SERVER.error("Failed to handle cancellation")
    assert len(caplog.records) == 3


@pytest.mark.usefixtures("clock")
def test_it_is_set_up_once(caplog: pytest.LogCaptureFixture) -> None:
    """Each server of a process asks for it."""
    library_log.repeat_seldom()
    assert len(SERVER.filters) == 1
    fail(ValueError("one"))
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("clock")
def test_other_loggers_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """What is ours, or another library's, is not thinned out here."""
    for _ in range(3):
        logging.getLogger("grpclib.other").error("Application error")
    assert len(caplog.records) == 3
