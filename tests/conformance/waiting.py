"""Waiting as the suite does, for shorter times."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

LIMIT_S = float(os.environ.get("CONFORMANCE_LIMIT_S", "30"))
"""For one fact, as the suite waits for traffic; on a machine that does much else it is not there within 5 s."""

PENDING_LIMIT_S = min(LIMIT_S, 1.5)
"""The same in tests that are known not to pass."""

SUCCESSES = 3
"""So often in a row must a request have its answer."""

LOOK_EVERY_S = 0.05

T = TypeVar("T")


class WrongForGoodError(Exception):
    """What was seen is wrong, and waiting would not mend it."""


class UnknownStepError(Exception):
    """The data asks for something that the replay cannot do: no test may pass by that, nor be expected to fail."""


def eventually(look: Callable[[], T], what: str) -> T:
    """Return what a look returns that does not fail.

    Args:
        look: raises AssertionError or OSError while the fact is not there.
        what: the fact, for the message.

    Raises:
        AssertionError: it did not come; the message says what was seen last.
    """
    return _repeated(look, what, 1)


def consistently(look: Callable[[], T], what: str, times: int = SUCCESSES) -> T:
    """The same for a look that must succeed some times in a row."""
    return _repeated(look, what, times)


def _repeated(look: Callable[[], T], what: str, times: int) -> T:
    give_up_at = time.monotonic() + LIMIT_S
    successes = 0
    while True:
        try:
            seen = look()
        except (OSError, AssertionError) as err:
            if time.monotonic() > give_up_at:
                raise AssertionError(f"{what}: {_said(err)}") from None
            successes = 0
            pause()
            continue
        successes += 1
        if successes == times:
            return seen


def pause() -> None:
    """Let a moment pass between two looks."""
    threading.Event().wait(LOOK_EVERY_S)


def _said(err: Exception) -> str:
    return str(err) if isinstance(err, AssertionError) else f"{type(err).__name__}: {err}"
