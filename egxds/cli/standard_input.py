"""Standard input as one of the files that a command reads."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from egxds.cli.load import STANDARD_INPUT, working_directory
from egxds.files.reading.reader import LIMITS


@contextmanager
def base_directory(paths: Iterable[str]) -> Iterator[Path]:
    """Give the directory that paths start from, and by which files are named.

    It is the working directory. Where standard input is among the paths it is one with a file of that name, `-`, which
    is how messages then name it, while they name other files by their whole paths.
    """
    if STANDARD_INPUT not in paths:
        yield working_directory()
        return
    with tempfile.TemporaryDirectory(prefix="egxds-") as directory:
        # One byte beyond the limit, and the reader finds that it is too much.
        (Path(directory) / STANDARD_INPUT).write_bytes(sys.stdin.buffer.read(LIMITS.file_bytes + 1))
        yield Path(directory)
