"""Waits for facts: tests never sleep for a fixed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

FACT_LIMIT_S = 60.0
"""How long a fact is waited for: on a machine that does much else, a daemon is not there within 15 s."""

_LOOK_EVERY_S = 0.01

T = TypeVar("T")


def wait_for(scan: Callable[[], T], what: str, deadline_s: float = FACT_LIMIT_S) -> T:
    """Return what `scan` returns as soon as it is true.

    Args:
        scan: may raise OSError or AssertionError where the fact is not there yet.
        what: the fact, for the message.
        deadline_s: when to give up.

    Raises:
        AssertionError: the deadline passed; the message says what was seen last.
    """
    give_up_at = time.monotonic() + deadline_s
    pause = threading.Event()
    while True:
        seen: object
        try:
            value = scan()
            if value:
                return value
            seen = value
        except (OSError, AssertionError) as err:
            seen = err
        if time.monotonic() > give_up_at:
            raise AssertionError(f"after {deadline_s} s still waiting for {what}; last seen: {seen!r}")
        pause.wait(_LOOK_EVERY_S)
