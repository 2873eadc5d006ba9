"""Requests that ask for another protocol (`Upgrade`): which are led on; others are requests like any. Pure.

Envoy answers 403 to an upgrade that its route does not allow, and a route that answers itself (500, a redirect) can
allow none: so neither would be seen by whoever asks for a WebSocket. The connection manager therefore allows it, which
is what counts there; a route that sends requests on allows or forbids it itself. Any other upgrade is not looked at, as
a server may do (RFC 9110, section 7.8): it gets the answer of its route, and not 403 either. Clients ask for some
without need, such as `TLS/1.2`.
"""

from __future__ import annotations

from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions
from envoy.config.route.v3.route_components_pb2 import RouteAction
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

WEBSOCKET = "websocket"


def allow_websockets(action: RouteAction) -> None:
    """Let a route lead WebSockets on."""
    action.upgrade_configs.add(upgrade_type=WEBSOCKET)


def forbid_websockets(action: RouteAction) -> None:
    """Have a route answer 403 to WebSockets, which its backends do not speak."""
    action.upgrade_configs.add(upgrade_type=WEBSOCKET, enabled=BoolValue(value=False))


def allow_answers_to_upgrades(manager: HttpConnectionManager) -> None:
    """Let routes that answer themselves do so whatever upgrade is asked for."""
    manager.upgrade_configs.add(upgrade_type=WEBSOCKET)
    others = StringMatcher(safe_regex=RegexMatcher(regex=_other_than(WEBSOCKET)))
    manager.http_protocol_options.CopyFrom(Http1ProtocolOptions(ignore_http_11_upgrade=[others]))


def _other_than(word: str) -> str:
    """Return a pattern for every text but a word, in any case; RE2 has no operator for that."""
    shorter_or_else = [f"{word[:at]}(?:[^{letter}].*)?" for at, letter in enumerate(word)]
    return f"(?is)(?:{'|'.join(shorter_or_else)}|{word}.+)"
