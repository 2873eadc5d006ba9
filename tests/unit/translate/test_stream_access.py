"""Rules about clients' addresses, as the filter chains that are written for them."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model.test_connection_access import GATEWAY, TCP, by, rule
from tests.unit.model.test_security_policies import secure
from tests.unit.model.test_stream_routes import WORLD, stream
from tests.unit.translate.reading import as_dict
from tests.unit.translate.test_streams import Following, chains, listeners

ROUTE = stream("TCPRoute", parent="{name: web, sectionName: tcp}")
OWN, DENIED = "tcproute/default/s", "tcproute/default/s/denied"


def ranges(chain: dict[str, Any]) -> list[str]:
    """Return the ranges of addresses from which a chain takes connections."""
    found = chain.get("filter_chain_match", {}).get("source_prefix_ranges", ())
    return [f"{each['address_prefix']}/{each.get('prefix_len', 0)}" for each in found]


def written(*rules: dict[str, Any], default: str = "Deny") -> dict[str, Any]:
    """Return the chains of a TCPRoute with rules by name."""
    return chains(listeners(*WORLD, ROUTE, secure(TCP, **by(*rules, default=default)))["tcp"])


def cidrs(action: str, *found: str) -> dict[str, Any]:
    """Return a rule about ranges."""
    return rule(action, name=action.lower(), principal={"clientCIDRs": list(found)})


CASES: dict[str, tuple[list[dict[str, Any]], str, list[str], list[str] | None]] = {
    "some": ([cidrs("Allow", "10.1.2.3/8")], "Deny", ["10.0.0.0/8"], None),
    "some of them not": (
        [cidrs("Deny", "10.1.0.0/16"), cidrs("Allow", "10.0.0.0/8")],
        "Deny",
        ["10.0.0.0/8"],
        ["10.1.0.0/16"],
    ),
    "some, whatever comes later": (
        [cidrs("Allow", "10.0.0.0/8"), cidrs("Deny", "10.1.0.0/16")],
        "Deny",
        ["10.0.0.0/8", "10.1.0.0/16"],
        None,
    ),
    "all but some": ([cidrs("Deny", "10.0.0.0/8")], "Allow", ["0.0.0.0/0", "::/0"], ["10.0.0.0/8"]),
    "all": ([cidrs("Allow", "10.0.0.0/8")], "Allow", [], None),
    "all of IPv6": ([cidrs("Allow", "::/0")], "Deny", ["::/0"], None),
}


@pytest.mark.parametrize(("rules", "default", "allowed", "denied"), CASES.values(), ids=CASES)
def test_what_a_chain_takes(
    rules: list[dict[str, Any]], default: str, allowed: list[str], denied: list[str] | None
) -> None:
    """The narrowest range counts at Envoy, the first rule for users."""
    found = written(*rules, default=default)
    assert ranges(found[OWN]) == allowed
    assert [each["name"] for each in found[OWN]["filters"]] == [
        "envoy.filters.network.rbac",
        "envoy.filters.network.tcp_proxy",
    ]
    assert (ranges(found[DENIED]) if DENIED in found else None) == denied
    assert "filters" not in found.get(DENIED, {})


def test_nobody_gets_through() -> None:
    """Where no rule lets anybody in."""
    found = written(cidrs("Deny", "10.0.0.0/8"))
    assert found.keys() == {OWN}
    assert "filters" not in found[OWN]


_RANGES = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(lambda each: f"10.0.0.{each[0]}/{each[1]}")
_RULES = st.lists(st.tuples(st.sampled_from(["Allow", "Deny"]), st.lists(_RANGES, min_size=1, max_size=3)), max_size=4)


@given(_RULES, st.sampled_from(["Allow", "Deny"]), st.integers(0, 255))
def test_the_narrowest_range_is_what_the_first_rule_says(
    rules: list[tuple[str, list[str]]], default: str, last: int
) -> None:
    """Of any address."""
    address = ipaddress.ip_address(f"10.0.0.{last}")
    holds = (
        action for action, found in rules if any(address in ipaddress.ip_network(each, strict=False) for each in found)
    )
    found = written(*(cidrs(action, *each) for action, each in rules), default=default)
    taking = [
        (ipaddress.ip_network(each).prefixlen, "filters" in chain)
        for chain in found.values()
        for each in ranges(chain) or ["0.0.0.0/0"]
        if address in ipaddress.ip_network(each)
    ]
    assert max(taking, default=(0, False))[1] is (next(holds, default) == "Allow")


def test_an_edit_of_rules_is_one_of_the_chain() -> None:
    """The one for those who are excepted comes and goes with it; a Gateway's is for TLS, too."""
    following = Following()
    tls = stream("TLSRoute", "t", parent="{name: web, sectionName: passing}")

    def names(*texts: str) -> list[str]:
        found = following.listeners(*WORLD, ROUTE, tls, *texts)
        return sorted(name for each in ("tcp", "passing") for name in chains(as_dict(found[each])))

    bare = names()
    with_rules = names(secure(GATEWAY, **by(cidrs("Deny", "10.0.0.0/8"), default="Allow")))
    assert sorted(set(with_rules) - set(bare)) == [DENIED, "tlsroute/default/t/denied *.test"]
    assert names() == bare
