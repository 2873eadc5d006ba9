"""What a command that takes its time says of it, to people only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from egxds.cli.output import write_passing

_PATIENCE_S = 1.0


@contextmanager
def progress(doing: str) -> Iterator[None]:
    """Say on a terminal what takes longer than a second, and take the words back once it is done.

    Args:
        doing: such as `reading files`.
    """
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(_PATIENCE_S, write_passing, [f"egxds: {doing} …"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        write_passing("")
