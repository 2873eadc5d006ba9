"""Header modifier filters → the header fields of Envoy's Route. Pure."""

from __future__ import annotations

import re
from collections.abc import MutableSequence

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import Route

from egxds.model.api.filters import HttpHeader, HttpHeaderFilter
from egxds.model.api.named_entries import counted_headers

OPERATORS = (
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_REMOTE_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_VERSION",
    "HOSTNAME",
    "PROTOCOL",
    "REQUESTED_SERVER_NAME",
    "RESPONSE_CODE",
    "RESPONSE_CODE_DETAILS",
    "RESPONSE_FLAGS",
    "ROUTE_NAME",
    "START_TIME",
    "STREAM_ID",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_HOST",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_REMOTE_PORT",
    "VIRTUAL_CLUSTER_NAME",
)
"""Envoy's command operators without arguments that make sense in a header (Envoy, Access logging)."""

_Options = MutableSequence[HeaderValueOption]
_Names = MutableSequence[str]

_HEADER = r":?[A-Za-z0-9\-_.]+"
_PERCENT = re.compile(
    rf"%%|%(?:{'|'.join(OPERATORS)})%|%(?:REQ|RESP)\({_HEADER}(?:\?{_HEADER})?\)(?::[1-9][0-9]{{0,4}})?%|%"
)


def change_request_headers(route: Route, change: HttpHeaderFilter) -> None:
    """Write what changes in the headers of a request, after what is written there already."""
    _change(route.request_headers_to_add, route.request_headers_to_remove, change)


def change_response_headers(route: Route, change: HttpHeaderFilter) -> None:
    """Write what changes in the headers of a response, after what is written there already."""
    _change(route.response_headers_to_add, route.response_headers_to_remove, change)


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
        *(_option(header, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD) for header in overwritten),
        *(_option(header, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD) for header in appended),
    ]


def _option(header: HttpHeader, action: int) -> HeaderValueOption:
    return HeaderValueOption(
        header=HeaderValue(key=header.name, value=format_string(header.value)), append_action=action
    )


def format_string(value: str) -> str:
    """Return a header value as Envoy's format string.

    Envoy Gateway hands values to Envoy as they are, so `%REQ(x-user)%` and the like, and `%%` for one percent
    sign, keep the meaning its users know. A percent sign that starts nothing Envoy knows would make it refuse
    the whole RouteConfiguration; it stands for itself.
    """
    return _PERCENT.sub(lambda found: "%%" if found[0] == "%" else found[0], value)
