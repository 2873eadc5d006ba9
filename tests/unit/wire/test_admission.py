"""Which client is served what, by the names in its certificate."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from egxds.sessions.events import Node
from egxds.settings.clients import ClientRule
from egxds.wire.xds.admission import Admission, names_of
from egxds.wire.xds.refused_clients import Reason

EDGE = "spiffe://example.org/envoy/edge-1"


def rule(san: str = EDGE, **may: Any) -> ClientRule:
    """A rule as the settings file has it."""
    return ClientRule.model_validate({"san": san, **may})


def refusal(rules: list[ClientRule] | None, *names: str, node: str = "edge-1", serves: str = "shop/web") -> str:
    """Why a client is refused; empty where it is served."""
    reason = Admission(rules).refuses_node(names, Node(node, serves))
    return reason.value if reason else ""


def test_without_rules_everybody_is_served() -> None:
    """Who has shown a certificate, or needed none, has come far enough."""
    assert refusal(None) == ""
    assert Admission(None).refuses_status(()) is None


@pytest.mark.parametrize(
    ("pattern", "name", "is_allowed"),
    [
        (EDGE, EDGE, True),
        (EDGE, f"{EDGE}0", False),
        (EDGE, f"{EDGE}/", False),
        (EDGE, EDGE.upper(), False),
        ("spiffe://example.org/envoy/*", EDGE, True),
        ("spiffe://example.org/envoy/*", "spiffe://example.org/envoy/", False),
        ("spiffe://example.org/envoy/*", "spiffe://example.org/envoy", False),
        ("spiffe://example.org/envoy/*", f"{EDGE}/more", False),
        ("spiffe://example.org/envoy/*", "spiffe://example.org.evil/envoy/edge-1", False),
        ("spiffe://example.org/ns/*/sa/envoy", "spiffe://example.org/ns/shop/sa/envoy", True),
        ("spiffe://example.org/ns/*/sa/envoy", "spiffe://example.org/ns/a/b/sa/envoy", False),
        ("edge-1.example.org", "Edge-1.Example.org", True),
        ("*.example.org", "edge-1.example.org", True),
        ("*.example.org", "a.edge-1.example.org", False),
        ("*.example.org", ".example.org", False),
        ("edge-1.example.org", "*.example.org", False),
        ("edge-1", EDGE, False),
    ],
)
def test_name(pattern: str, name: str, is_allowed: bool) -> None:
    """`*` is one whole segment, never a part of one, and a certificate's own wildcard is no other name."""
    assert refusal([rule(pattern)], name) == ("" if is_allowed else "san")


@pytest.mark.parametrize(
    "san",
    ["", "*", "spiffe://*/envoy", "spiffe://example.org/edge-*", "*://example.org/x", "edge-*.example.org", "a.*.org"],
)
def test_pattern_that_could_stand_for_more_than_it_seems(san: str) -> None:
    """It is an error of the settings."""
    with pytest.raises(ValidationError):
        rule(san)


@pytest.mark.parametrize(
    "may",
    [
        {"nodes": []},
        {"nodes": [""]},
        {"nodes": ["a*b"]},
        {"gateways": ["web"]},
        {"gateways": ["*/web"]},
        {"gatewayClasses": []},
    ],
)
def test_list_that_says_nothing_clear(may: dict[str, Any]) -> None:
    """An empty list may be meant as nobody or as everybody: it is refused."""
    with pytest.raises(ValidationError):
        rule(**may)


MAY: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"nodes": ["edge-1"]}, {}, ""),
    ({"nodes": ["edge-1"]}, {"node": "edge-2"}, "node"),
    ({"nodes": ["edge-*"]}, {"node": "edge-2"}, ""),
    ({"nodes": ["edge-*"]}, {"node": "core-1"}, "node"),
    ({"gateways": ["shop/web"]}, {}, ""),
    ({"gateways": ["shop/web"]}, {"serves": "shop/other"}, "gateway"),
    ({"gateways": ["shop/web"]}, {"serves": "eg"}, "gateway"),
    ({"gateways": ["shop/*"]}, {"serves": "shop/other"}, ""),
    ({"gateways": ["*"]}, {"serves": "eg"}, "gateway"),
    ({"gateways": ["shop/web"]}, {"serves": ""}, "gateway"),
    ({"gatewayClasses": ["eg"]}, {"serves": "eg"}, ""),
    ({"gatewayClasses": ["*"]}, {"serves": "shop/web"}, "gateway"),
    ({"gateways": ["shop/web"], "gatewayClasses": ["eg"]}, {"serves": "eg"}, ""),
]


@pytest.mark.parametrize(("may", "asks", "expected"), MAY)
def test_what_a_rule_allows(may: dict[str, Any], asks: dict[str, str], expected: str) -> None:
    """What a rule names, it narrows down; Gateways and classes are two names for what is served."""
    assert refusal([rule(**may)], EDGE, **asks) == expected


def test_what_two_rules_allow_is_not_joined() -> None:
    """The node of one rule is not served the Gateway of another."""
    rules = [rule(nodes=["edge-1"], gateways=["shop/web"]), rule(nodes=["edge-2"], gateways=["shop/other"])]
    assert refusal(rules, EDGE, node="edge-2", serves="shop/other") == ""
    assert refusal(rules, EDGE, node="edge-2", serves="shop/web") == "gateway"


def test_any_name_of_a_certificate_counts() -> None:
    """A certificate may have several."""
    assert refusal([rule()], "edge-1.example.org", EDGE) == ""


def test_status_of_others() -> None:
    """Who may be served is not shown what others have, unless a rule says so."""
    rules = [rule(), rule("spiffe://example.org/ops", clientStatus=True)]
    assert Admission(rules).refuses_status([EDGE]) is Reason.CLIENT_STATUS
    assert Admission(rules).refuses_status(["spiffe://example.org/ops"]) is None
    assert Admission(rules).refuses_status(["spiffe://example.org/other"]) is Reason.SAN


def test_names_of_a_certificate() -> None:
    """URIs and host names count, each for what it is; a common name does not."""
    certificate = {
        "subject": ((("commonName", "edge-1"),),),
        "subjectAltName": (("DNS", "edge-1.example.org"), ("DNS", EDGE), ("URI", EDGE), ("IP Address", "10.0.0.1")),
    }
    assert names_of(certificate) == ("edge-1.example.org", EDGE)
    assert names_of({"subjectAltName": (("DNS", EDGE), ("URI", "edge-1"))}) == ()
    assert names_of(None) == ()
