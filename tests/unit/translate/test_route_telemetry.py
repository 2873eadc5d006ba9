"""telemetry of BackendTrafficPolicies: what is traced and counted of routes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.model.test_backend_traffic_policies import GATEWAY, ROUTE, told, traffic
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import EVERYTHING
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, service
from tests.unit.model.worlds import resolve
from tests.unit.translate.policies_world import Translated
from tests.unit.translate.reading import by_name, routes


def _forwarding(*texts: str) -> list[dict[str, Any]]:
    return [each for each in routes(Translated().scan(*EVERYTHING, *texts)).values() if "route" in each]


def test_a_part_of_the_requests_is_traced() -> None:
    """By format strings and older tags, sorted by their names."""
    tracing = {
        "samplingFraction": {"numerator": 1, "denominator": 8},
        "clientSamplingFraction": {"numerator": 0},
        "overallSamplingFraction": {"numerator": 1, "denominator": 2},
        "customTags": {"b": {"type": "Literal", "literal": {"value": "x"}}},
        "tags": {"a": "%PROTOCOL%"},
    }
    found = _forwarding(traffic(GATEWAY, telemetry={"tracing": tracing}))
    assert found
    for each in found:
        assert each["tracing"] == {
            "random_sampling": {"numerator": 125000, "denominator": "MILLION"},
            "client_sampling": {"denominator": "MILLION"},
            "overall_sampling": {"numerator": 500000, "denominator": "MILLION"},
            "custom_tags": [{"tag": "a", "value": "%PROTOCOL%"}, {"tag": "b", "literal": {"value": "x"}}],
        }


def test_a_route_is_counted_under_its_name() -> None:
    """And without one as before."""
    name = "%ROUTE_KIND%.%ROUTE_NAMESPACE%.%ROUTE_NAME%"
    found = _forwarding(traffic(ROUTE, telemetry={"metrics": {"routeStatName": name}}))
    assert {each["stat_prefix"] for each in found} == {"httproute.default.shop"}
    assert not any("stat_prefix" in each for each in _forwarding(traffic(ROUTE, telemetry={"metrics": {}})))


def test_connections_are_counted_under_the_name_of_their_route() -> None:
    """Also by the policy of the Gateway."""
    db = gateway_object("TCPRoute", "db", "parentRefs: [{name: web}]\nrules: [{backendRefs: [{name: app, port: 80}]}]")
    listener = gateway(listeners="[{name: db, port: 5432, protocol: TCP}]")
    for target in (GATEWAY, on("TCPRoute", "db")):
        policy = traffic(target, telemetry={"metrics": {"routeStatName": "of-%ROUTE_NAME%"}})
        found = Translated().scan(listener, db, service(), endpoint_slice(), policy)
        (chain,) = (chain for each in by_name(found.listeners).values() for chain in each["filter_chains"])
        assert chain["filters"][-1]["typed_config"]["stat_prefix"] == "of-db"


WRONG: dict[str, dict[str, Any]] = {
    "an operator of a rule": {"metrics": {"routeStatName": "%ROUTE_RULE_NAME%"}},
    "a tag that is no format string": {"tracing": {"tags": {"a": "%NOBODY(%"}}},
    "more than all": {"tracing": {"samplingFraction": {"numerator": 2, "denominator": 1}}},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_envoy_would_not_take_is_an_error(case: str) -> None:
    """And closes nothing."""
    found = resolve(*EVERYTHING, traffic(GATEWAY, telemetry=WRONG[case]))
    assert [each["Accepted"] for each in told(found)] == ["False/Invalid"]
