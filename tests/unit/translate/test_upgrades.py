"""Upgrades that policies ask for: which Listeners look at, which routes lead on, and what that costs."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import re2
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from egxds.resources.translation import GatewayTranslation
from egxds.translate.upgrades import allow_answers_to_upgrades
from tests.unit.model.test_backend_traffic_policies import GATEWAY, HTTP, traffic
from tests.unit.model.test_grpc_route import grpc_route
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import EVERYTHING
from tests.unit.translate.policies_world import Translated
from tests.unit.translate.reading import by_name, routes

CART = on("HTTPRoute", "shop", "cart")
OTHER = [{"type": "spdy/3.1"}, {"type": "SPDY/3.1"}]


def _passed_over(*looked_at: str) -> Any:
    manager = HttpConnectionManager()
    allow_answers_to_upgrades(manager, looked_at)
    (pattern,) = manager.http_protocol_options.ignore_http_11_upgrade
    return re2.compile(pattern.safe_regex.regex)


def test_what_is_asked_for_is_looked_at_in_any_case_and_nothing_else() -> None:
    """Words that begin alike, or stand in one another, are told apart."""
    passed_over = _passed_over("web", "spdy/3.1", "spdy/3", "we-b")
    for word in ("websocket", "WebSocket", "web", "WEB", "spdy/3.1", "Spdy/3", "we-b"):
        assert not passed_over.fullmatch(word)
    for word in ("h2c", "TLS/1.2", "", "w", "webs", "spdy/3.", "spdy/3.1x", "spdy/311", "we-", "we-bs", "wex"):
        assert passed_over.fullmatch(word)


def test_every_short_word_is_either_asked_for_or_passed_over() -> None:
    """Whatever characters it has that mean something in a pattern."""
    asked = ("a", "a.b", "^a", "a-", "ab|")
    passed_over = _passed_over(*asked)
    for word in map("".join, product("ab.^-|", repeat=3)):
        assert bool(passed_over.fullmatch(word)) == (word not in asked)
    assert not any(passed_over.fullmatch(word) for word in asked)


def _looked_at(found: GatewayTranslation) -> set[str]:
    """Return the patterns of what the Listeners pass over."""
    heads = [each.get("default_filter_chain", {"filters": []}) for each in by_name(found.listeners).values()]
    configs = [each["typed_config"] for head in heads for each in head["filters"]]
    options = [config["http_protocol_options"] for config in configs if "http_protocol_options" in config]
    return {each["safe_regex"]["regex"] for option in options for each in option["ignore_http_11_upgrade"]}


def test_what_one_rule_asks_for_first_and_last_is_a_change_of_listeners() -> None:
    """Another rule that asks for the same is a change of its routes alone."""
    world = Translated()
    before = world.scan(*EVERYTHING)
    one = world.scan(*EVERYTHING, traffic(CART, httpUpgrade=OTHER))
    assert len(_looked_at(one)) == 1
    assert _looked_at(one) != _looked_at(before)
    both = world.scan(*EVERYTHING, traffic(CART, httpUpgrade=OTHER), traffic(HTTP, name="all", httpUpgrade=OTHER))
    assert both.listeners is one.listeners
    assert by_name(world.scan(*EVERYTHING).listeners) == by_name(before.listeners)


def test_a_gateway_that_is_read_with_such_a_policy_looks_at_it_at_once() -> None:
    """The same comes of it."""
    world = Translated()
    world.scan(*EVERYTHING)
    edited = world.scan(*EVERYTHING, traffic(CART, httpUpgrade=OTHER))
    read = Translated().scan(*EVERYTHING, traffic(CART, httpUpgrade=OTHER))
    assert by_name(read.listeners) == by_name(edited.listeners)


WAYS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "another": (OTHER, [{"upgrade_type": "spdy/3.1"}, {"upgrade_type": "websocket", "enabled": False}]),
    "a tunnel": (
        [{"type": "CONNECT"}],
        [{"upgrade_type": "CONNECT"}, {"upgrade_type": "websocket", "enabled": False}],
    ),
    "what comes through": (
        [{"type": "websocket"}, {"type": "CONNECT", "connect": {"terminate": True}}],
        [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT", "connect_config": {}}],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_routes_lead_on_what_is_asked_for(way: str) -> None:
    """Each once; gRPC turns to nothing."""
    asked, expected = WAYS[way]
    found = routes(Translated().scan(*EVERYTHING, grpc_route("greeter"), traffic(GATEWAY, httpUpgrade=asked)))
    sent = {each["name"].partition("/")[0]: each for each in found.values() if "route" in each}
    assert sent["httproute"]["route"]["upgrade_configs"] == expected
    assert ("connect_matcher" in sent["httproute"]["match"]) == (way != "another")
    assert sent["grpcroute"]["route"]["upgrade_configs"] == [{"upgrade_type": "websocket", "enabled": False}]
    assert "connect_matcher" not in sent["grpcroute"]["match"]
