"""Reading one file only where it may have changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from egxds.files.documents.document import FileDocuments
from egxds.files.reading.content import Content, ContentReader, ReadLimits, Scan
from egxds.files.reading.listing import Fault

A_MINUTE_NS = 60_000_000_000


def read(path: Path, known: Content | None, scan: Scan = Scan.CHANGED) -> Content:
    """Read a file that is there."""
    content = ContentReader(ReadLimits(), scan).read(str(path), "x.yaml", known)
    assert isinstance(content, Content)
    return content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a document."""
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n")
    return path


def later(content: Content) -> Content:
    """Return what would be known had the file been read a minute later."""
    return replace(content, read_at_ns=content.read_at_ns + A_MINUTE_NS)


def test_quick_look_trusts_a_file_that_looks_the_same(path: Path) -> None:
    """A file that was no longer young when it was read, and has the same stamp, is not opened again."""
    known = later(read(path, None))
    assert read(path, known) is known


def test_young_file_is_not_trusted(path: Path) -> None:
    """A file that was young when it was read is read again, and gives the same documents."""
    known = read(path, None)
    again = read(path, known)
    assert again is not known
    assert again.outcome is known.outcome


def test_full_look_trusts_nothing(path: Path) -> None:
    """A full look finds what changed behind an unchanged stamp."""
    known = later(replace(read(path, None), outcome=FileDocuments()))
    assert read(path, known, Scan.CHANGED).outcome == FileDocuments()
    found = read(path, known, Scan.ALL).outcome
    assert isinstance(found, FileDocuments)
    assert [document.text for document in found.documents] == ["a: 1\n"]


def test_changed_stamp_is_not_trusted(path: Path) -> None:
    """Time set back, another size and another inode each mean another file."""
    known = later(read(path, None))
    os.utime(path, (1, 1))
    assert read(path, known) is not known
    path.write_text("a: 12\n")
    assert read(path, later(known)).outcome != known.outcome


def test_file_from_the_future_is_not_trusted(path: Path) -> None:
    """Where a clock is wrong the times of a file tell nothing."""
    os.utime(path, ns=(0, 10**19 // 2))
    known = later(read(path, None))
    assert read(path, known) is not known


def test_file_that_is_gone(tmp_path: Path) -> None:
    """A file that vanished since it was listed is no fault."""
    assert ContentReader(ReadLimits(), Scan.CHANGED).read(str(tmp_path / "gone"), "gone", None) is None


def test_file_larger_than_it_says() -> None:
    """A file that turns out larger when it is read is refused like any other."""
    fault = ContentReader(ReadLimits(file_bytes=10), Scan.CHANGED).read("/proc/self/status", "x.yaml", None)
    assert fault == Fault("/proc/self/status", "is larger than 10 bytes: split it")


def test_room_is_taken_for_what_a_file_has(path: Path) -> None:
    """A small file is read where there is no room for the largest that is allowed."""
    content = ContentReader(ReadLimits(file_bytes=1 << 60), Scan.ALL).read(str(path), "x.yaml", None)
    assert isinstance(content, Content)


def test_file_of_which_the_system_says_no_size() -> None:
    """It is read whole, as one that grows meanwhile."""
    path = Path("/proc/self/mountinfo")
    content = ContentReader(ReadLimits(), Scan.ALL).read(str(path), "x.yaml", None)
    assert isinstance(content, Content)
    assert isinstance(content.outcome, FileDocuments)
    assert sum(map(len, content.outcome.pieces())) > 1
