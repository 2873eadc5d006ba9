"""What the filters of a rule are written for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.translate.routes.served_at import ServedAt


@dataclass(frozen=True, slots=True)
class FilterContext:
    """What filters are written for.

    Attributes:
        matched_prefix: the path prefix that the match asks for, as the user wrote it.
        hostname: domain of the virtual host, a wildcard perhaps.
        served_at: the listener.
    """

    matched_prefix: str
    hostname: str
    served_at: ServedAt
