"""BackendTrafficPolicies: which is in force where, what cannot be done, and what people are told of it."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.resolve.resolved import Resolution
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import EVERYTHING, closed, policy
from tests.unit.model.texts import endpoint_slice, gateway, service
from tests.unit.model.told import problems
from tests.unit.model.worlds import conditions, resolve, served, status

GATEWAY, HTTP, ROUTE = on("Gateway", "web"), on("Gateway", "web", "http"), on("HTTPRoute", "shop")
FEW: dict[str, Any] = {"circuitBreaker": {"maxConnections": 4}}
SOON: dict[str, Any] = {"timeout": {"http": {"requestTimeout": "5s"}}}
LIMIT: dict[str, Any] = {"rateLimit": {"type": "Local"}}
STREAMS = gateway(listeners="[{name: db, port: 5432, protocol: TCP}]")
DB = """
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: db}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: app, port: 80}]}]
"""


def traffic(*targets: dict[str, str], name: str = "backends", **spec: Any) -> str:
    """Write a BackendTrafficPolicy."""
    return policy({"targetRefs": list(targets), **spec}, "BackendTrafficPolicy", name=name)


def told(resolution: Resolution, name: str = "backends") -> list[dict[str, str]]:
    """Return the conditions of a policy, ancestor by ancestor."""
    return [conditions(each) for each in status(resolution, "BackendTrafficPolicy", f"default/{name}")["ancestors"]]


def asked(resolution: Resolution) -> dict[str, tuple[list[str], str]]:
    """Return the fields that are in force at listeners, and what clusters are named after, by the name of each."""
    found = {name: each.to_backends for name, each in served(resolution).items()}
    return {name: (sorted(each.settings), each.apart) for name, each in found.items()}


def test_the_policy_of_a_listener_replaces_that_of_the_gateway() -> None:
    """It has clusters of its own there, where it asks something else of them."""
    found = resolve(*EVERYTHING, traffic(GATEWAY, **FEW), traffic(HTTP, name="own", **SOON))
    assert asked(found) == {"http": (["timeout"], "default/own"), "other": (["circuitBreaker"], "")}
    assert [each["Accepted"] for each in (*told(found), *told(found, "own"))] == ["True/Accepted", "True/Accepted"]


def test_a_listener_that_asks_the_same_of_clusters_shares_them() -> None:
    """Whatever else its policy asks."""
    found = resolve(*EVERYTHING, traffic(GATEWAY, **FEW), traffic(HTTP, name="own", **FEW, **SOON))
    assert {name: apart for name, (_, apart) in asked(found).items()} == {"http": "", "other": ""}


MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a number below nothing": ({"circuitBreaker": {"maxConnections": -1}}, []),
    "more than the whole": ({"circuitBreaker": {"retryBudget": {"percent": {"numerator": 200}}}}, []),
    "a duration that is none": ({"timeout": {"tcp": {"connectTimeout": "20kib"}}}, []),
    "a way to merge that is none": ({**FEW, "mergeType": "Replace"}, []),
    "a limit of requests that cannot be done": ({**LIMIT, **FEW, "circuitBreaker": 3}, []),
    "a field that nobody knows": ({"timeouts": {}}, ["rule 0", "rule 1"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_closes_what_it_decides_on(case: str) -> None:
    """And is an error in any case: what goes without a timeout is served."""
    spec, expected = MISTAKES[case]
    found = resolve(*EVERYTHING, traffic(ROUTE, **spec))
    assert closed(found) == expected
    assert [each["Accepted"] for each in told(found)] == ["False/Invalid"]
    assert any("BackendTrafficPolicy" in str(each) for each in problems(found))


def test_what_cannot_be_done_of_two_that_are_merged_is_told() -> None:
    """Also where it comes from the one above; the route is served with the rest."""
    above = traffic(GATEWAY, bandwidthLimit={"request": {"limit": {"value": "9", "unit": "Second"}}}, name="above")
    found = resolve(*EVERYTHING, above, traffic(ROUTE, mergeType="StrategicMerge", **FEW))
    assert told(found) == [{"Accepted": "False/Invalid", "Merged": "True/Merged"}]
    assert closed(found) == []


@pytest.mark.parametrize("target", [on("TCPRoute", "db"), GATEWAY], ids=["route", "Gateway"])
def test_what_passes_connections_on_has_policies_too(target: dict[str, str]) -> None:
    """It is about the connections to backends, which those have as well."""
    found = resolve(STREAMS, DB, service(), endpoint_slice(), traffic(target, **FEW))
    (attached,) = served(found)["db"].routes.values()
    assert (served(found)["db"].denials, attached.route.rules[0].denials) == ((), ())
    assert [each["Accepted"] for each in told(found)] == ["True/Accepted"]


def test_a_limit_that_cannot_be_done_closes_what_passes_connections_on() -> None:
    """As it closes what looks at requests."""
    found = resolve(STREAMS, DB, service(), endpoint_slice(), traffic(on("TCPRoute", "db"), **LIMIT, timeouts=3))
    (attached,) = served(found)["db"].routes.values()
    assert attached.route.rules[0].denials
