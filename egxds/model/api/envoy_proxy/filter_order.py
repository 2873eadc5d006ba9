"""What an EnvoyProxy says of the order of HTTP filters. Pure.

Source: Envoy Gateway v1.9, FilterPosition. What comes of it is `egxds.translate.http_filters.order`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Literal, Self

from pydantic import model_validator

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.validation import FieldError, refuse

FilterName = Literal[
    "envoy.filters.http.health_check",
    "envoy.filters.http.fault",
    "envoy.filters.http.cors",
    "envoy.filters.http.ext_authz",
    "envoy.filters.http.api_key_auth",
    "envoy.filters.http.basic_auth",
    "envoy.filters.http.oauth2",
    "envoy.filters.http.jwt_authn",
    "envoy.filters.http.stateful_session",
    "envoy.filters.http.buffer",
    "envoy.filters.http.lua",
    "envoy.filters.http.ext_proc",
    "envoy.filters.http.wasm",
    "envoy.filters.http.rbac",
    "envoy.filters.http.local_ratelimit",
    "envoy.filters.http.ratelimit",
    "envoy.filters.http.custom_response",
    "envoy.filters.http.credential_injector",
    "envoy.filters.http.compressor",
]


def position_errors(position: FilterPosition) -> Iterator[FieldError]:
    """Check that a position is one."""
    if (position.before is None) == (position.after is None):
        yield FieldError((), "needs before or after, and not both")
    if position.name in (position.before, position.after):
        yield FieldError((), f"{position.name} cannot stand before or after itself")


@api_type
class FilterPosition(ApiModel):
    """Where a filter stands, among those that stand as the positions before this one have it.

    Attributes:
        name: of the filter.
        before: the filter right before which it comes.
        after: the filter right after which it comes.
    """

    name: FilterName
    before: FilterName | None = None
    after: FilterName | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(position_errors(self))
        return self


def contradiction(positions: Iterable[FilterPosition]) -> tuple[FilterName, ...]:
    """Return filters each of which is to stand before the next, and the last before the first; nothing is usual."""
    behind: dict[FilterName, set[FilterName]] = {}
    for each in positions:
        if each.before is not None:
            behind.setdefault(each.name, set()).add(each.before)
        elif each.after is not None:
            behind.setdefault(each.after, set()).add(each.name)
    return next((found for name in behind if (found := _way_back(name, behind))), ())


def _way_back(start: FilterName, behind: Mapping[FilterName, AbstractSet[FilterName]]) -> tuple[FilterName, ...]:
    """Return how a filter comes to stand behind itself; nothing where it does not."""
    ways: dict[FilterName, tuple[FilterName, ...]] = {start: (start,)}
    todo = [start]
    while todo:
        name = todo.pop(0)
        for following in sorted(behind.get(name, ())):
            if following == start:
                return ways[name]
            if following not in ways:
                ways[following] = (*ways[name], following)
                todo.append(following)
    return ()
