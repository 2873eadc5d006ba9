"""What a client of the suite got, whatever the version of HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        headers: names in lower case; of several lines of one name the values joined by a comma.
        trailers: likewise; with HTTP/2 alone.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    trailers: dict[str, str]

    @property
    def echo(self) -> dict[str, Any]:
        """What the backend says that reached it; empty where no backend of the suite answered."""
        if not self.headers.get("content-type", "").startswith("application/json"):
            return {}
        seen: dict[str, Any] = json.loads(self.body)
        return seen


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the values of each header."""
    named: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        named[key] = f"{named[key]},{value}" if key in named else value
    return named
