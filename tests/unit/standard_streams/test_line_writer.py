"""Lines come in order, whole, and those that do not come are counted where they are missing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from egxds.standard_streams.line_writer import LineWriter
from tests.envoy.waiting import wait_for

FLUSH_LIMIT_S = 10.0

GROWS_A_FILE = """
import resource, sys
from egxds.standard_streams.line_writer import LineWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
writer = LineWriter(1)
for line in (b"first\\n", b"second\\n", b"third\\n"):
    writer.put(line)
    writer.flush(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.put(b"fourth\\n")
writer.flush(10)
"""

ENDS_WITH_A_TRACEBACK = """
import sys
from egxds.standard_streams import daemon
daemon.queue_lines()
sys.stderr.write("early\\n")
print("begun", end="")
raise ValueError("nobody catches this")
"""


def read(source: int, end: bytes) -> bytes:
    """Read until something has come."""
    found = b""
    while not found.endswith(end):
        found += os.read(source, 65536)
    return found


def run(program: str, stdout: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a program of Python, its output in a file."""
    with stdout.open("wb") as file:
        return subprocess.run([sys.executable, "-c", program], stdout=file, stderr=subprocess.PIPE, check=False)


def test_lines_that_do_not_fit_are_counted_at_their_place() -> None:
    """A queue that is full loses what comes then; the notice stands between what came before and what comes after."""
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    filling = b"." * 1023 + b"\n"
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(sink, filling)
    writer = LineWriter(sink, limit_bytes=20)
    for line in (b"one\n", b"two\n", b"a line of many words\n", b"another long line\n"):
        writer.put(line)
    assert writer.lost == 2
    read(source, b"two\n")
    wait_for(lambda: writer._waiting_bytes == 0, "room in the queue")
    writer.put(b"three\n")
    writer.flush(FLUSH_LIMIT_S)
    assert read(source, b"three\n").endswith(b"egxds: 2 log lines were lost\nthree\n")
    assert writer.lost == 2


def test_what_nobody_reads_does_not_hold_up_the_end() -> None:
    """A flush ends in time, whoever does not read."""
    source, sink = os.pipe()
    writer = LineWriter(sink)
    writer.put(b"." * 1_000_000 + b"\n")
    writer.flush(0.01)
    assert os.read(source, 10) == b"." * 10


def test_a_full_disk_tears_no_two_lines_together(tmp_path: Path) -> None:
    """A line that was written by half is lost; what follows when there is room starts on a line of its own."""
    path = tmp_path / "log"
    said = run(GROWS_A_FILE, path)
    assert (said.returncode, said.stderr) == (0, b"")
    assert path.read_text() == "first\nseco\negxds: 2 log lines were lost\nfourth\n"


def test_tracebacks_and_lines_that_were_begun_are_written(tmp_path: Path) -> None:
    """What is printed before logs are set up, at the end, and without a line break, comes as well."""
    path = tmp_path / "output"
    said = run(ENDS_WITH_A_TRACEBACK, path)
    lines = said.stderr.decode().splitlines()
    assert (lines[0], lines[1], lines[-1]) == (
        "early",
        "Traceback (most recent call last):",
        "ValueError: nobody catches this",
    )
    assert (said.returncode, path.read_text()) == (1, "begun\n")
