"""How long ago something was, for people."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))


def age(text: str) -> str:
    """Return how long ago an ISO time was, such as `5m`; empty where there is none."""
    if not text:
        return ""
    return duration(max(0.0, (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()))


def duration(seconds: float) -> str:
    """Return how long something takes, such as `5m`."""
    found = next((f"{int(seconds // size)}{unit}" for size, unit in _UNITS if seconds >= size), None)
    return found or f"{int(seconds)}s"
