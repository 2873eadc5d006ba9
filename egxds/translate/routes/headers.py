"""Header modifier filters → the header fields of Envoy's Route. Pure."""

from __future__ import annotations

from collections.abc import MutableSequence

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import Route

from egxds.model.api.filters import HttpHeaderFilter
from egxds.model.api.named_entries import counted_headers
from egxds.translate.format_strings import format_string

_Options = MutableSequence[HeaderValueOption]
_Names = MutableSequence[str]


def change_request_headers(route: Route, change: HttpHeaderFilter) -> None:
    """Write what changes in the headers of a request, after what is written there already."""
    _change(route.request_headers_to_add, route.request_headers_to_remove, change)


def change_response_headers(route: Route, change: HttpHeaderFilter) -> None:
    """Write what changes in the headers of a response, after what is written there already."""
    _change(route.response_headers_to_add, route.response_headers_to_remove, change)


def set_response_header(route: Route, name: str, value: str) -> None:
    """Write a header that responses have, whatever else they would have there."""
    route.response_headers_to_add.append(_option(name, value, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD))


def _change(added: _Options, removed: _Names, change: HttpHeaderFilter) -> None:
    """Write a change; Envoy removes before it adds, so what was to be added and is now removed must not be added."""
    gone = {name.lower() for name in change.remove}
    kept = [option for option in added if option.header.key.lower() not in gone]
    if len(kept) < len(added):
        del added[:]
        added.extend(kept)
    added.extend(_added(change))
    removed.extend(change.remove)


def _added(change: HttpHeaderFilter) -> list[HeaderValueOption]:
    overwritten, appended = counted_headers(change.set), counted_headers(change.add)
    return [
        *(_option(each.name, each.value, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD) for each in overwritten),
        *(_option(each.name, each.value, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD) for each in appended),
    ]


def _option(name: str, value: str, action: int) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=format_string(value)), append_action=action)
