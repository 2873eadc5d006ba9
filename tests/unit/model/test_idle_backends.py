"""Backends where nobody is: they answer 503, and somebody says why."""

from __future__ import annotations

import pytest

from tests.unit.model.test_backends import addresses, endpoints, to
from tests.unit.model.texts import backend, endpoint_slice, gateway, service
from tests.unit.model.worlds import World, messages, parents, resolve

REF = "{name: app, port: 80}"
NOT_READY = "[{addresses: [10.0.0.1], conditions: {ready: false}}]"
WHY = {
    "no slice (envoyproxy/gateway PR 4518)": ((), "no EndpointSlice in its namespace has the label"),
    "a slice of another Service": ((endpoint_slice(service_name="other"),), "has the label kubernetes.io/service-name"),
    "a slice with another port": (
        (endpoint_slice(ports="[{name: web, port: 81}]"),),
        "no EndpointSlice of it has",
    ),
    "nobody is ready": ((endpoint_slice(addresses=NOT_READY),), "has no endpoint that is ready at port 80"),
    "an empty slice": ((endpoint_slice(addresses="[]"),), "has no endpoint that is ready at port 80"),
}


@pytest.mark.parametrize(("texts", "why"), WHY.values(), ids=WHY)
def test_a_service_without_endpoints_says_why(texts: tuple[str, ...], why: str) -> None:
    """A warning at the backendRef, and a condition; references are resolved, and the answer is 503 (Gateway API)."""
    resolution = resolve(gateway(), to(REF), service(), *texts)
    assert addresses(resolution) == ()
    (said,) = messages(resolution)
    assert "warning: HTTPRoute default/shop: Service default/app" in said
    assert why in said
    assert said.endswith("its share answers 503")
    assert parents(resolution)[0] == {
        "Accepted": "True/Accepted",
        "ResolvedRefs": "True/ResolvedRefs",
        "egxds.io/BackendsReady": "False/NoReadyEndpoints",
    }


def test_what_is_said_follows_what_is_wrong() -> None:
    """Step by step on the way to an endpoint, though the route stays as it is."""
    world, said = World(), []
    for texts, _ in WHY.values():
        said += messages(world.scan(gateway(), to(REF), service(), *texts))
    assert len(said) == len(WHY)
    assert len(set(said)) == 3
    assert messages(world.scan(gateway(), to(REF), service(), endpoint_slice())) == []


def test_a_fallback_takes_over_from_nobody() -> None:
    """The warning says so in place of the 503."""
    spare = backend("[{ip: {address: 10.0.0.9, port: 80}}]", "spare", more="fallback: true")
    refs = (REF, "{group: gateway.envoyproxy.io, kind: Backend, name: spare}")
    (said,) = messages(resolve(gateway(), to(*refs), service(), spare))
    assert said.endswith("its share goes to its fallback")


def test_a_fallback_that_can_stand_in_for_nobody_is_said() -> None:
    """A cluster is spoken to by one protocol."""
    spare = backend(
        "[{ip: {address: 10.0.0.9, port: 80}}]", "spare", more="fallback: true\nappProtocols: [kubernetes.io/h2c]"
    )
    refs = (REF, "{group: gateway.envoyproxy.io, kind: Backend, name: spare}")
    (said,) = messages(resolve(gateway(), to(*refs), service(), endpoint_slice(), spare))
    assert "warning" in said
    assert "is a fallback for no other backend of the rule" in said


H2C = "appProtocols: [kubernetes.io/h2c]"
GONE = "{ready: false, serving: false, terminating: true}"
LEAVING = "{ready: false, serving: true, terminating: true}"
TERMINATING = {
    "alone": ([endpoint_slice(addresses=f"[{{addresses: [10.0.0.1], conditions: {LEAVING}}}]")], ["10.0.0.1:8080"]),
    "beside one that is ready": (
        [endpoint_slice(addresses=f"[{{addresses: [10.0.0.1], conditions: {LEAVING}}}, {{addresses: [10.0.0.2]}}]")],
        ["10.0.0.2:8080"],
    ),
    "beside one that is ready in another slice": (
        [
            endpoint_slice(addresses=f"[{{addresses: [10.0.0.1], conditions: {LEAVING}}}]"),
            endpoint_slice("app-2", "[{addresses: [10.0.0.2]}]"),
        ],
        ["10.0.0.2:8080"],
    ),
    "that does not serve any more": (
        [
            endpoint_slice(
                addresses="[{addresses: [10.0.0.1], conditions: {ready: false, serving: false, terminating: true}}]"
            )
        ],
        [],
    ),
    "that does not say whether it serves": (
        [endpoint_slice(addresses="[{addresses: [10.0.0.1], conditions: {ready: false, terminating: true}}]")],
        ["10.0.0.1:8080"],
    ),
    "that is only not ready": (
        [endpoint_slice(addresses="[{addresses: [10.0.0.1], conditions: {ready: false, serving: true}}]")],
        [],
    ),
}


@pytest.mark.parametrize(("slices", "expected"), TERMINATING.values(), ids=TERMINATING)
def test_an_endpoint_on_the_way_out_takes_traffic_where_nobody_else_does(
    slices: list[str], expected: list[str]
) -> None:
    """As kube-proxy has it (KEP-1669, ProxyTerminatingEndpoints)."""
    assert endpoints(service(), *slices) == expected
