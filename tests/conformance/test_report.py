"""The tables at the end of a run: what they count, and what they do not."""

from __future__ import annotations

from tests.conformance.data import ConformanceTest
from tests.conformance.report import Outcome, table


def outcome(name: str, *features: str, fault: str = "", released: bool = True) -> Outcome:
    """What a test came to that needs some features."""
    return Outcome(ConformanceTest(name, ("Gateway", *features), (), (), (), released), fault)


OUTCOMES = (
    outcome("HTTPRouteRetry", "HTTPRoute", "HTTPRouteRetry"),
    outcome("HTTPRouteWeight", "HTTPRoute", fault="no backend"),
    outcome("HTTPRouteLater", "HTTPRoute", "HTTPRouteRetry", released=False),
    outcome("GatewayInfrastructure"),
)


def test_tests_are_listed_by_profile_and_features_counted() -> None:
    """Each test with the first reason why it does not pass; a profile and a feature with their numbers."""
    lines = [" ".join(line.split()) for line in table(OUTCOMES)]
    assert lines[:6] == [
        "Gateway: 1 of 1 pass",
        "part GatewayInfrastructure",
        "HTTP: 2 of 3 pass",
        "pass HTTPRouteRetry",
        "FAIL HTTPRouteWeight no backend",
        "pass HTTPRouteLater",
    ]
    assert lines[6:10] == [
        "features:",
        "Gateway 3 of 4 pass",
        "HTTPRoute 2 of 3 pass",
        "HTTPRouteRetry 2 of 2 pass",
    ]


def test_what_is_replayed_in_part_does_not_count_as_passing() -> None:
    """It is one of the tests, and named with what is left out of it."""
    *_, released, later, left_out = table(OUTCOMES)
    assert released == "tests in v1.6.1: 1 of 3 pass"
    assert later == "tests added since: 1 of 1 pass"
    assert left_out.startswith("left out: GatewayInfrastructure: there is no Service")
