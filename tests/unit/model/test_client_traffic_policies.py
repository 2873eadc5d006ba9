"""ClientTrafficPolicies: which is in force where, what cannot be done, and what people are told of it."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.resolve.resolved import Resolution
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import EVERYTHING, closed, policy
from tests.unit.model.texts import gateway
from tests.unit.model.told import problems
from tests.unit.model.worlds import conditions, resolve, served, status

GATEWAY, HTTP, OTHER = on("Gateway", "web"), on("Gateway", "web", "http"), on("Gateway", "web", "other")
ONE_PORT = gateway(
    listeners="""
    - {name: http, port: 80, protocol: HTTP, hostname: a.test}
    - {name: other, port: 80, protocol: HTTP, hostname: b.test}
    """
)
HOPS: dict[str, Any] = {"clientIPDetection": {"xForwardedFor": {"numTrustedHops": 1}}}
IDLE: dict[str, Any] = {"timeout": {"http": {"idleTimeout": "10s"}}}


def traffic(*targets: dict[str, str], name: str = "clients", **spec: Any) -> str:
    """Write a ClientTrafficPolicy."""
    return policy({"targetRefs": list(targets), **spec}, "ClientTrafficPolicy", name=name)


def asked(resolution: Resolution) -> dict[str, list[str]]:
    """Return the fields that are in force at listeners, by the name of each."""
    return {name: sorted(found.traffic.settings) for name, found in served(resolution).items()}


def told(resolution: Resolution, name: str = "clients") -> list[dict[str, str]]:
    """Return the conditions of a policy, ancestor by ancestor."""
    return [conditions(each) for each in status(resolution, "ClientTrafficPolicy", f"default/{name}")["ancestors"]]


def test_the_policy_of_a_listener_replaces_that_of_the_gateway() -> None:
    """As a whole, and the Gateway's says so."""
    found = resolve(*EVERYTHING, traffic(GATEWAY, **HOPS), traffic(HTTP, name="own", **IDLE))
    assert asked(found) == {"http": ["timeout"], "other": ["clientIPDetection"]}
    (wide,), (own,) = told(found), told(found, "own")
    assert wide == {"Accepted": "True/Accepted", "Overridden": "True/Overridden"}
    assert own == {"Accepted": "True/Accepted"}
    assert closed(found) == []


def test_of_two_for_one_target_the_older_is_in_force() -> None:
    """The other one says so, and closes nothing."""
    found = resolve(*EVERYTHING, traffic(GATEWAY, name="a", **IDLE), traffic(GATEWAY, name="b", **HOPS))
    assert asked(found) == {"http": ["timeout"], "other": ["timeout"]}
    assert [each["Accepted"] for each in told(found, "b")] == ["False/Conflicted"]


SHARED = {
    "that decides": (HTTP, HOPS, ["http"], "False/Invalid"),
    "that does not": (HTTP, IDLE, [], "False/Invalid"),
    "of the whole Gateway": (GATEWAY, HOPS, [], "True/Accepted"),
}


@pytest.mark.parametrize("case", SHARED)
def test_http_listeners_of_a_port_have_one_policy(case: str) -> None:
    """One for some of them is refused; it closes those where it decides on access (Envoy Gateway refuses it, too)."""
    target, spec, expected, accepted = SHARED[case]
    found = resolve(ONE_PORT, *EVERYTHING[1:], traffic(target, **spec))
    assert closed(found) == expected
    assert [each["Accepted"] for each in told(found)] == [accepted]


def test_the_proxy_protocol_is_for_all_of_a_port() -> None:
    """Where some listeners ask for it and others do not, those that do are closed; asked for by all it is done."""
    https = gateway(
        listeners="""
        - {name: http, port: 80, protocol: HTTP}
        - {name: other, port: 80, protocol: HTTP}
        """.replace("name: other, port: 80, protocol: HTTP", "name: other, port: 80, protocol: HTTP, hostname: b.test")
    )
    found = resolve(https, *EVERYTHING[1:], traffic(GATEWAY, proxyProtocol={}))
    assert closed(found) == []
    found = resolve(https, *EVERYTHING[1:], traffic(HTTP, proxyProtocol={}))
    assert closed(found) == ["http"]


MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "of what decides on nothing": ({"timeout": {"http": {"idleTimeout": "soon"}}}, []),
    "a length that is too short": ({"http2": {"initialStreamWindowSize": "1Ki"}}, []),
    "of what decides": ({"clientIPDetection": {"customHeader": {"name": "a b"}}}, ["http", "other"]),
    "beside what decides": ({**HOPS, "timeout": {"http": {"idleTimeout": "soon"}}}, ["http", "other"]),
    "a field that nobody knows": ({"clientIP": {}}, ["http", "other"]),
    "a header that says where a request ends": (
        {"headers": {"earlyRequestHeaders": {"remove": ["Content-Length"]}}},
        ["http", "other"],
    ),
    "HTTP/3, which comes later": ({"http3": {}}, []),
    "a host that there is none of": ({"http1": {"http10": {"useDefaultHost": True}}}, []),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_closes_what_it_decides_on(case: str) -> None:
    """And is an error in any case."""
    spec, expected = MISTAKES[case]
    found = resolve(*EVERYTHING, traffic(GATEWAY, **spec))
    assert closed(found) == expected
    assert [each["Accepted"] for each in told(found)] == ["False/Invalid"]
    assert any(str(each).startswith("error") or "ClientTrafficPolicy" in str(each) for each in problems(found))


@pytest.mark.parametrize(("spec", "expected"), [(HOPS, ["http", "other"]), (IDLE, [])], ids=["decides", "does not"])
def test_a_listener_that_is_not_there(spec: dict[str, Any], expected: list[str]) -> None:
    """Nobody knows what a policy for it was to close, so it closes all of the Gateway, if it decides on access."""
    found = resolve(*EVERYTHING, traffic(on("Gateway", "web", "gone"), **spec))
    assert closed(found) == expected
    assert [each["Accepted"] for each in told(found)] == ["False/TargetNotFound"]


def test_no_host_is_made_up_where_listeners_share_a_port() -> None:
    """A request that names none could be for any of them: it is an error, and HTTP/1.0 is taken all the same."""
    found = resolve(ONE_PORT, *EVERYTHING[1:], traffic(GATEWAY, http1={"http10": {"useDefaultHost": True}}))
    assert [each["Accepted"] for each in told(found)] == ["False/Invalid"]
    assert closed(found) == []
    assert not served(found)["http"].traffic.settings["http1"].uses_default_host  # type: ignore[attr-defined]


def test_older_fields_are_told() -> None:
    """As Envoy Gateway does: one condition for all of them."""
    spec = {"targetRef": GATEWAY, "enableProxyProtocol": True, "headers": {"preserveXRequestID": False}}
    found = resolve(*EVERYTHING, policy(spec, "ClientTrafficPolicy", name="clients"))
    assert [each["Warning"] for each in told(found)] == ["True/DeprecatedField"]
    assert asked(found)["http"] == ["headers", "proxyProtocol"]
