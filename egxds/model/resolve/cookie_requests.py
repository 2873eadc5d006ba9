"""Cookies that an HTTPRouteFilter asks for beside the matches of a rule: one of its lists must hold with one of these.

Pure. Source: Envoy Gateway v1.9, HTTPRouteFilterSpec.matches. Of two matches that are alike otherwise the one with more
cookies goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egxds.model.api.http_route_filter import CookieMatch
from egxds.model.resolve.requests import RankedMatch, WantedValue, literal

Cookies = tuple[CookieMatch, ...]
"""What must all be there."""


def ranked_with_cookies(matches: Iterable[RankedMatch], lists: tuple[Cookies, ...]) -> Iterator[RankedMatch]:
    """Yield matches of a rule with each of some lists of cookies; as they are where there is none."""
    for match in matches:
        for cookies in lists or ((),):
            headers = tuple(sorted({*match.requests.headers, *map(_wanted, cookies)}))
            rank = match.rank._replace(fewer_cookies=-len(cookies))
            yield match._replace(rank=rank, requests=match.requests._replace(headers=headers))


def _wanted(cookie: CookieMatch) -> WantedValue:
    only = cookie.value if cookie.type == "Exact" else literal(cookie.value)
    # No header has a space in its name.
    return WantedValue(f"cookie {cookie.name}", only is None, cookie.value if only is None else only)
