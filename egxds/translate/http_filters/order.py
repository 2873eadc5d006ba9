"""The order that an EnvoyProxy asks for among the HTTP filters. Pure.

Source: Envoy Gateway v1.9, EnvoyProxySpec.filterOrder. Positions are gone through one after the other: all filters of
a name are taken out together, and stand again right before the first, or right after the last, of another name. A name
that nothing here has moves nothing.

What denies keeps its place: before everything that it comes before by itself. The router cannot be named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count, takewhile

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter

from egxds.model.api.envoy_proxy.filter_order import FilterPosition
from egxds.translate.http_filters.denial import DENIAL_FILTER

_Filters = list[HttpFilter]


def in_order(filters: Iterable[HttpFilter], positions: Sequence[FilterPosition]) -> _Filters:
    """Return filters in the order that is asked for.

    Args:
        filters: in the usual order.
        positions: as they are written.
    """
    usual = list(filters)
    denials, others = _parted(usual, DENIAL_FILTER)
    before = {each.name for each in takewhile(lambda each: not _is(each, DENIAL_FILTER), usual)}
    for position in positions:
        others = _moved(others, position)
    names = [each.name for each in others]
    at = next((at for at, name in zip(count(), names, strict=False) if name not in before), len(names))
    return [*others[:at], *denials, *others[at:]]


def _moved(filters: _Filters, position: FilterPosition) -> _Filters:
    moving, staying = _parted(filters, position.name)
    anchor = position.before or position.after or ""
    places = [at for at, each in enumerate(staying) if _is(each, anchor)]
    if not places:
        return filters
    at = places[0] if position.before is not None else places[-1] + 1
    return [*staying[:at], *moving, *staying[at:]]


def _parted(filters: _Filters, name: str) -> tuple[_Filters, _Filters]:
    """Return the filters of a name, and all others."""
    return [each for each in filters if _is(each, name)], [each for each in filters if not _is(each, name)]


def _is(found: HttpFilter, name: str) -> bool:
    """Tell whether a filter is of a name: it may have a suffix, since there can be several."""
    return found.name == name or bool(found.name.startswith(f"{name}/"))
