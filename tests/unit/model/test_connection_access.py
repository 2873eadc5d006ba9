"""SecurityPolicies where connections are passed on as a whole: what is in force, what cannot be done, what is told."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.resolve.connection_access import access_at, access_of_rule, rules_of
from egxds.model.resolve.resolved import Resolution
from tests.unit.model.test_policies import on
from tests.unit.model.test_security_policies import BASIC, secure, users
from tests.unit.model.test_stream_routes import WORLD, stream
from tests.unit.model.told import problems
from tests.unit.model.worlds import World, conditions, listener_status, parents, resolve, served, status

TCP, GATEWAY, LISTENER = on("TCPRoute", "s"), on("Gateway", "web"), on("Gateway", "web", "tcp")
HOME: dict[str, Any] = {"clientCIDRs": ["10.0.0.0/8"]}
MERGED = {"mergeType": "StrategicMerge"}
CORS: dict[str, Any] = {"cors": {"allowOrigins": ["https://shop.test"]}}


def rule(action: str = "Allow", name: str = "home", **more: Any) -> dict[str, Any]:
    """Return a rule."""
    return {"name": name, "action": action, **(more or {"principal": HOME})}


def by(*rules: dict[str, Any], default: str = "Deny") -> dict[str, Any]:
    """Return what a policy says of who gets in."""
    return {"authorization": {"defaultAction": default, "rules": list(rules)}}


def access(resolution: Resolution, listener: str = "tcp") -> str:
    """Return the names of the rules of the one route at a listener; `closed`, or `open` where there are none."""
    found = served(resolution)[listener]
    (attached,) = found.routes.values()
    (followed,) = attached.route.rules
    policy = access_of_rule(followed, attached, access_at(found.in_force))
    if found.denials or followed.denials or (policy is not None and policy.faults):
        return "closed"
    rules = rules_of(policy) if policy is not None else None
    return "open" if rules is None else " ".join([*(name for name, _ in rules.rules), rules.default_action])


def accepted(resolution: Resolution, name: str = "guard") -> list[str]:
    """Return whether a policy is accepted, ancestor by ancestor."""
    return [
        conditions(each)["Accepted"] for each in status(resolution, "SecurityPolicy", f"default/{name}")["ancestors"]
    ]


IN_FORCE: dict[str, tuple[list[str], str]] = {
    "none": ([], "open"),
    "a route's": ([secure(TCP, **by(rule()))], "home Deny"),
    "a Gateway's": ([secure(GATEWAY, **by(rule()))], "home Deny"),
    "a Gateway's that is about pages as well": ([secure(GATEWAY, **by(rule()), **CORS)], "home Deny"),
    "one about pages alone": ([secure(GATEWAY, **CORS)], "open"),
    "a listener's before that": (
        [secure(GATEWAY, **by(rule())), secure(LISTENER, name="inner", **by(rule(name="near")))],
        "near Deny",
    ),
    "a route's before that one": (
        [secure(LISTENER, **by(rule())), secure(TCP, name="inner", **by(rule(name="near"), default="Allow"))],
        "near Allow",
    ),
    "a listener's where a route's says nothing of it": (
        [secure(LISTENER, **by(rule())), secure(TCP, name="inner", mergeType="Replace")],
        "home Deny",
    ),
    "a route's that is merged": (
        [secure(LISTENER, **by(rule(), default="Allow")), secure(TCP, name="inner", **MERGED, **by(rule(name="near")))],
        "near Deny",
    ),
    "a route's beside a Gateway's that cannot be done": (
        [users(), secure(GATEWAY), secure(TCP, name="inner", **by(rule()))],
        "home Deny",
    ),
}


@pytest.mark.parametrize(("texts", "expected"), IN_FORCE.values(), ids=IN_FORCE)
def test_who_gets_through(texts: list[str], expected: str) -> None:
    """By addresses, as the most specific policy says it."""
    assert access(resolve(*WORLD, stream("TCPRoute", parent="{name: web, sectionName: tcp}"), *texts)) == expected


CLOSED: dict[str, tuple[dict[str, Any], str]] = {
    "a password": (BASIC, "basicAuth"),
    "pages": ({**by(rule()), **CORS}, "cors"),
    "headers": (by(rule(principal={**HOME, "headers": [{"name": "a", "values": ["b"]}]})), "headers"),
    "methods": (by(rule(principal=HOME, operation={"methods": ["GET"]})), "operation"),
    "a denied path": (by(rule("Deny", operation={"path": {"value": "/a"}}), default="Allow"), "operation"),
    "tokens": (by(rule(principal={**HOME, "jwt": {"provider": "a", "scopes": ["b"]}})), "no provider a"),
    "a field that nobody knows": ({**by(rule()), "clientCidrs": []}, "mistakes"),
    "a range that is none": (by(rule(principal={"clientCIDRs": ["10.0.0.0/99"]})), "mistakes"),
    "a feature that is not served": ({**by(rule()), "csrf": {}}, "mistakes"),
}


@pytest.mark.parametrize(("spec", "message"), CLOSED.values(), ids=CLOSED)
def test_what_cannot_be_asked_of_connections_closes_a_route(spec: dict[str, Any], message: str) -> None:
    """Envoy Gateway refuses the policy with the same reason, and lets everybody through."""
    found = resolve(*WORLD, users(), stream("TCPRoute", parent="{name: web, sectionName: tcp}"), secure(TCP, **spec))
    assert access(found) == "closed"
    assert accepted(found) == ["False/Invalid"]
    (said,) = (each for each in parents(found, "default/s", "TCPRoute") if "egxds.io/ServedAsWritten" in each)
    assert said["egxds.io/ServedAsWritten"] == "False/Invalid"
    assert any(message in str(each) for each in problems(found))


@pytest.mark.parametrize("spec", [BASIC, by(rule(principal={**HOME, "headers": [{"name": "a", "values": ["b"]}]}))])
def test_what_cannot_be_asked_of_connections_closes_a_listener(spec: dict[str, Any]) -> None:
    """Its requests are asked for it all the same; a TLSRoute has no policy of its own."""
    tcp = stream("TCPRoute", parent="{name: web, sectionName: tcp}")
    routes = (tcp, stream("TLSRoute", "t"), stream("UDPRoute", "u"))
    found = resolve(*WORLD, users(), *routes, secure(GATEWAY, **spec))
    assert [access(found, listener) for listener in ("tcp", "passing", "ending")] == ["closed"] * 3
    assert served(found)["http"].in_force[0].settings.keys() == spec.keys()
    assert access(found, "udp") == "closed"
    for listener in ("passing", "ending", "tcp", "udp"):
        assert conditions(listener_status(found, listener))["egxds.io/ServedAsWritten"] == "False/Invalid"
        assert any(f"listener {listener}: SecurityPolicy default/guard" in str(each) for each in problems(found))


def test_what_comes_of_merging_must_be_about_addresses_as_well() -> None:
    """A password that the listener asks for cannot be asked for, though what the route says could be done."""
    world = World()
    inner = secure(TCP, name="inner", **MERGED, **by(rule()))
    texts = (*WORLD, users(), stream("TCPRoute", parent="{name: web, sectionName: tcp}"), inner)
    found = world.scan(*texts, secure(LISTENER))
    assert (access(found), accepted(found, "inner")) == ("closed", ["False/Invalid"])
    found = world.scan(*texts, secure(LISTENER, **by(default="Allow")))
    assert (access(found), accepted(found, "inner")) == ("home Deny", ["True/Accepted"])


def test_datagrams_have_no_policies() -> None:
    """Nobody is asked who sent them, so a Gateway's policy closes what passes them on."""
    found = resolve(*WORLD, stream("UDPRoute"), secure(GATEWAY, **by(rule())))
    assert access(found, "udp") == "closed"
