"""Imports all of egxds at less cost: what a command needs is imported when it runs, and lives as long as the process.

The garbage collector would walk over it again and again while it comes to be, and find next to nothing: that took
between a tenth and a fifth of a start. So it rests meanwhile, and passes over all of it from then on. What is garbage
by then stays, about a megabyte.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Have the garbage collector rest while something is imported, and pass over it from then on.

    Only once in a process: of what is made later, such as by a test, most does not last.
    """
    is_first = gc.isenabled() and gc.get_freeze_count() == 0
    if is_first:
        gc.disable()
    try:
        yield
    finally:
        if is_first:
            gc.freeze()
            gc.enable()
