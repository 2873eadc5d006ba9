"""Counts the lines of Python that run, room by room: what an edit costs, on any machine."""

from __future__ import annotations

import functools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import egxds

_HOUSE = str(Path(egxds.__file__).parent)
_CACHED = type(functools.cache(len))


def _empty_caches() -> None:
    modules = [module for name, module in sys.modules.items() if name.startswith("egxds.")]
    for found in [found for module in modules for found in vars(module).values()]:
        if isinstance(found, _CACHED):
            found.cache_clear()


@contextmanager
def lines_of_rooms() -> Iterator[Counter[str]]:
    """Count lines of Python that run, by room."""
    counted: Counter[str] = Counter()

    def enter(frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        file = frame.f_code.co_filename
        if not file.startswith(_HOUSE):
            return None
        room = file.removeprefix(f"{_HOUSE}/").partition("/")[0]

        # The length of a length: a step for every seven bits of it.
        if frame.f_code.co_name == "_varint":
            return None

        def line(_frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
            counted[room] += event == "line"
            return line

        return line

    before, before_in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(enter)
    threading.settrace(enter)
    try:
        yield counted
    finally:
        sys.settrace(before)
        threading.settrace(before_in_threads)


@contextmanager
def lines_with_empty_caches() -> Iterator[Counter[str]]:
    """Count lines, whatever edits before have left in caches: the less there is, the more of it is there by chance."""
    _empty_caches()
    with lines_of_rooms() as counted:
        yield counted
