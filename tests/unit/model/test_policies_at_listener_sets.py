"""Policies for ListenerSets: what they close, what extensions get, and who is told."""

from __future__ import annotations

import pytest

from egxds.model.resolve.resolved import Resolution
from tests.unit.model.test_listener_sets import ALL, AT_SET, listener_set
from tests.unit.model.test_policies import ancestors, at_listeners, limit, on
from tests.unit.model.test_policies import resolve as resolve_with_limits
from tests.unit.model.test_unserved_policies import guard, is_closed, policy
from tests.unit.model.texts import gateway, route
from tests.unit.model.told import problems
from tests.unit.model.worlds import conditions, resolve, served, status

TWO = gateway(more=ALL, listeners="- {name: http, port: 80, protocol: HTTP}\n- {name: more, port: 81, protocol: HTTP}")
SET = listener_set(listeners="[{name: more, port: 8080, protocol: HTTP}, {name: side, port: 8081, protocol: HTTP}]")
OTHER = listener_set("other", "[{name: more, port: 9090, protocol: HTTP}]")
WORLD = (TWO, SET, OTHER, route(parents=AT_SET))
EVERYTHING = {"http", "more", "default/extra/more", "default/extra/side", "default/other/more"}


def closed(resolution: Resolution) -> set[str]:
    """Return the listeners that are closed."""
    return {name for name, found in served(resolution).items() if is_closed(found)}


CLOSES = {
    "the set": (on("ListenerSet", "extra"), {"default/extra/more", "default/extra/side"}),
    "a listener of it": (on("ListenerSet", "extra", "more"), {"default/extra/more"}),
    "one that it does not have": (on("ListenerSet", "extra", "gone"), {"default/extra/more", "default/extra/side"}),
    "the Gateway": (on("Gateway", "web"), EVERYTHING),
    "a listener of the Gateway": (on("Gateway", "web", "more"), {"more"}),
    "one that the Gateway does not have": (on("Gateway", "web", "side"), EVERYTHING),
    "the class": (on("GatewayClass", "edge"), EVERYTHING),
}


@pytest.mark.parametrize("target", CLOSES)
def test_what_cannot_be_done_is_denied_where_it_is_in_force(target: str) -> None:
    """A policy that is served, of which the Secret is missing, closes the same."""
    ref, expected = CLOSES[target]
    assert closed(resolve(*WORLD, policy(guard(ref)))) == expected


@pytest.mark.parametrize("kind", ["EnvoyExtensionPolicy"])
@pytest.mark.parametrize("target", CLOSES)
def test_what_nobody_does_closes_what_it_is_for(target: str, kind: str) -> None:
    """All of a Gateway has the listeners of its sets in it; a name that nobody has is taken for everything."""
    ref, expected = CLOSES[target]
    found = resolve(*WORLD, policy(guard(ref), kind))
    assert closed(found) == expected
    assert any("is not done here, and decides on" in str(said) for said in problems(found)) == ("class" not in target)


def test_the_status_of_a_set_says_that_it_is_closed() -> None:
    """Of the listener that is, and of the set."""
    found = status(resolve(*WORLD, policy(guard(on("ListenerSet", "extra", "more")))), "ListenerSet", "default/extra")
    assert conditions(found)["egxds.io/ServedAsWritten"] == "False/Invalid"
    by_name = {each["name"]: conditions(each) for each in found["listeners"]}
    assert by_name["more"]["egxds.io/ServedAsWritten"] == "False/Invalid"
    assert "egxds.io/ServedAsWritten" not in by_name["side"]


HANDED_ON = {
    "the set": (on("ListenerSet", "extra"), {"default/extra/more", "default/extra/side"}),
    "a listener of it": (on("ListenerSet", "extra", "side"), {"default/extra/side"}),
    "the Gateway": (on("Gateway", "web"), EVERYTHING),
    "a listener of the Gateway": (on("Gateway", "web", "more"), {"more"}),
}


@pytest.mark.parametrize("target", HANDED_ON)
def test_extensions_get_their_policies_with_the_listeners(target: str) -> None:
    """The Gateway as a whole has them all; a listener those that are for it."""
    ref, expected = HANDED_ON[target]
    found = at_listeners(resolve_with_limits(*WORLD, limit({"targetRefs": [ref]})))
    assert {name for name, policies in found.items() if policies == ["limit"]} == {"", *expected}


def test_the_narrower_policy_comes_first() -> None:
    """On the listener or its set, then on the Gateway; a policy that is for both comes once."""
    wide = limit({"targetRefs": [on("Gateway", "web")]}, "wide")
    near = limit({"targetRefs": [on("ListenerSet", "extra", "more"), on("Gateway", "web")]}, "near")
    found = at_listeners(resolve_with_limits(*WORLD, wide, near))
    assert found["default/extra/more"] == ["near", "wide"]


@pytest.mark.parametrize(
    ("ref", "ancestor"),
    [
        (on("ListenerSet", "extra"), ("ListenerSet", "default/extra", "True/Accepted")),
        (on("ListenerSet", "extra", "side"), ("ListenerSet", "default/extra/side", "True/Accepted")),
        (on("ListenerSet", "extra", "gone"), ("ListenerSet", "default/extra/gone", "False/TargetNotFound")),
        (on("ListenerSet", "gone"), ("ListenerSet", "default/gone", "False/TargetNotFound")),
        (on("HTTPRoute", "shop"), ("ListenerSet", "default/extra", "True/Accepted")),
        (on("Gateway", "web", "side"), ("Gateway", "default/web/side", "False/TargetNotFound")),
    ],
)
def test_a_policy_says_where_it_takes_effect(ref: dict[str, str], ancestor: tuple[str, str, str]) -> None:
    """Under the set, which is also where a route is that the policy is for."""
    assert ancestors(resolve_with_limits(*WORLD, limit({"targetRefs": [ref]}))) == [ancestor]


def test_a_policy_for_a_set_that_its_gateway_does_not_take_is_nowhere() -> None:
    """And says so."""
    found = resolve_with_limits(gateway(), SET, limit({"targetRefs": [on("ListenerSet", "extra")]}))
    assert ancestors(found) == [("ListenerSet", "default/extra", "False/TargetNotFound")]
