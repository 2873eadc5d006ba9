"""Wire room: a request that is not answered, because of how it begins. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusedHead:
    """Why, and what is said.

    Attributes:
        status: of the response.
        limit: the setting that says so, or the header where none does.
        text: what the client is told.
    """

    status: int
    limit: str
    text: str
