"""Requests that ask for another protocol (`Upgrade`, CONNECT): which are led on; others are requests like any. Pure.

Envoy answers 403 to an upgrade that its route does not allow, and a route that answers itself (500, a redirect) can
allow none: so neither would be seen by whoever asks for a WebSocket. The connection manager therefore allows it, which
is what counts there; a route that sends requests on allows or forbids it itself. Any other upgrade is not looked at, as
a server may do (RFC 9110, section 7.8): it gets the answer of its route, and not 403 either. Clients ask for some
without need, such as `TLS/1.2`. An upgrade that some policy at a Gateway asks for is looked at in all of its Listeners:
a route that does not lead it on answers 403 to it, whatever else it would answer.

A request for a tunnel (CONNECT) has no path, and Envoy finds no route for it by one: a rule that leads tunnels on takes
them whatever paths it names, and nothing else (Envoy Gateway).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions
from envoy.config.route.v3.route_components_pb2 import Route, RouteAction
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from egxds.model.resolve.features.upgrades import WEBSOCKET, Upgrades


def allow_websockets(action: RouteAction) -> None:
    """Let a route lead WebSockets on."""
    action.upgrade_configs.add(upgrade_type=WEBSOCKET)


def write_upgrades(route: Route, asked: Upgrades) -> None:
    """Let a route lead on what is asked for, and WebSockets only where they are; gRPC turns to nothing else."""
    if route.match.HasField("grpc"):
        return
    configs = route.route.upgrade_configs
    configs.extend(RouteAction.UpgradeConfig(upgrade_type=each.type) for each in asked.asked)
    if not asked.leads_websockets_on:
        configs.add(upgrade_type=WEBSOCKET, enabled=BoolValue(value=False))
    if asked.tunnel is None:
        return
    route.match.connect_matcher.SetInParent()
    if asked.tunnel.connect is not None and asked.tunnel.connect.terminate:
        next(each for each in configs if each.upgrade_type == asked.tunnel.type).connect_config.SetInParent()


def forbid_websockets(action: RouteAction) -> None:
    """Have a route answer 403 to WebSockets, which its backends do not speak, and lead nothing else on either."""
    del action.upgrade_configs[:]
    action.upgrade_configs.add(upgrade_type=WEBSOCKET, enabled=BoolValue(value=False))


def allow_answers_to_upgrades(manager: HttpConnectionManager, looked_at: Collection[str]) -> None:
    """Let routes that answer themselves do so whatever upgrade is asked for.

    Args:
        manager: is written to.
        looked_at: what some route leads on beside WebSockets, in small letters: it is not passed over.
    """
    manager.upgrade_configs.add(upgrade_type=WEBSOCKET)
    others = StringMatcher(safe_regex=RegexMatcher(regex=_other_than({WEBSOCKET, *looked_at})))
    manager.http_protocol_options.CopyFrom(Http1ProtocolOptions(ignore_http_11_upgrade=[others]))


def _other_than(words: Collection[str]) -> str:
    """Return a pattern for every text but some words, in any case; RE2 has no operator for that.

    Each alternative begins as some word does, and goes on otherwise or not at all.
    """
    return f"(?is)(?:{'|'.join(_leaving(words))})"


def _leaving(words: Collection[str]) -> Iterator[str]:
    for begun in sorted({word[:at] for word in words for at in range(len(word) + 1)}):
        next_letters = sorted({word[len(begun)] for word in words if word != begun and word.startswith(begun)})
        other = f"[^{''.join(map(re.escape, next_letters))}].*" if next_letters else ".+"
        is_word = begun in words
        yield f"{re.escape(begun)}{other if is_word else f'(?:{other})?'}"
