"""Which Envoy routes take the traffic of a match: one, or one for each backend where those have filters. Pure.

What filters of a backendRef do to requests, Envoy does only for a whole route, some headers aside. So the traffic is
split by routes that match alike: each but the last takes a part of the requests at random. Envoy draws one number for a
request and compares it with the part of each route in turn (seen of Envoy 1.40), so a part counts those before it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from egxds.model.api.filters import RouteFilter
from egxds.model.api.routes import RouteRule
from egxds.translate.backends.destinations import Copy, Destination, Share

REFUSED = -1
"""Stands for the backends that are refused, which have one share together."""


@dataclass(frozen=True, slots=True)
class RoutePart:
    """One Envoy route of each match of a rule.

    Attributes:
        shares: where it sends to; empty where it answers itself.
        filters: those of the rule, then those of the backend.
        copies: what is sent elsewhere too.
        backend: position of the backendRef whose share it is, or `REFUSED`; None where it takes everything.
        up_to: numerator and denominator of the part of the requests that it takes with those before it; None of the
            last, which takes what is left.
    """

    shares: tuple[Share, ...]
    filters: tuple[RouteFilter, ...]
    copies: tuple[Copy, ...] = ()
    backend: int | None = None
    up_to: tuple[int, int] | None = None


def parts_of(rule: RouteRule, destination: Destination) -> tuple[RoutePart, ...]:
    """Split the traffic of a rule.

    Args:
        rule: as the user wrote it.
        destination: where it sends its requests.
    """
    shares = destination.shares
    if not any(share.filters for share in shares):
        return (RoutePart(shares, rule.filters, destination.copies),)
    return tuple(_split(rule, destination))


def _split(rule: RouteRule, destination: Destination) -> Iterator[RoutePart]:
    ends = list(accumulate(share.weight for share in destination.shares))
    for share, end in zip(destination.shares, ends, strict=True):
        yield RoutePart(
            shares=(share,),
            filters=(*rule.filters, *share.filters),
            copies=tuple(copy for copy in destination.copies if copy.of in (None, share.backend)),
            backend=None if len(ends) == 1 else REFUSED if share.backend is None else share.backend,
            up_to=None if end == ends[-1] else (end, ends[-1]),
        )
