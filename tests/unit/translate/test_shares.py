"""What each endpoint of a rule gets: the shares of its backends, also where they have endpoints in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.model.resolve.resolved import ResolvedBackend
from egxds.model.resolve.upstreams import UpstreamProtocol
from tests.unit.translate.builders import backend, rule, serve
from tests.unit.translate.reading import by_name, only_route, translate

RULE = "httproute/default/app/rule/0"
ADDRESSES = [f"10.0.0.{number}" for number in range(1, 6)]

backends = st.lists(
    st.builds(
        lambda found, weight: backend(*sorted(found), weight=weight),
        st.sets(st.sampled_from(ADDRESSES), min_size=1),
        st.integers(1, 1000),
    ),
    min_size=1,
    max_size=5,
)


def localities(*found: ResolvedBackend) -> list[dict[str, Any]]:
    """Return the localities of the one cluster that serves some backends."""
    assignment = by_name(translate(serve(rule(*found))).endpoints)[RULE]
    return assignment.get("endpoints", [])  # type: ignore[no-any-return]


def addresses(locality: dict[str, Any]) -> list[str]:
    """Return the addresses of a locality."""
    return [each["endpoint"]["address"]["socket_address"]["address"] for each in locality.get("lb_endpoints", ())]


def shares(found: list[dict[str, Any]]) -> dict[str, float]:
    """Return address → its part of the traffic, as Envoy has it: by locality, and in one evenly."""
    total = sum(each["load_balancing_weight"] for each in found)
    return {
        address: each["load_balancing_weight"] / total / len(addresses(each))
        for each in found
        for address in addresses(each)
    }


@given(backends)
def test_every_endpoint_gets_the_shares_of_its_backends(found: list[ResolvedBackend]) -> None:
    """Weight by weight / sum, and within a backend evenly (Gateway API, BackendRef.weight).

    envoyproxy/gateway issues 4602, 2170 and 5230 had shares that were not those of the route.
    """
    expected: Counter[str] = Counter()
    total = sum(each.weight for each in found)
    for each in found:
        assert each.endpoints is not None
        names = _names(each)
        for name in names:
            expected[name] += each.weight / total / len(names)  # type: ignore[assignment]
    assert shares(localities(*found)) == pytest.approx(expected, abs=1e-5)


def _names(found: ResolvedBackend) -> list[str]:
    (only,) = localities(found)
    return addresses(only)


@given(backends)
def test_an_address_is_in_a_cluster_once_and_localities_have_names_of_their_own(found: list[ResolvedBackend]) -> None:
    """Envoy drops the second of two, and takes localities of one name as one."""
    written = localities(*found)
    there = [address for each in written for address in addresses(each)]
    assert len(there) == len(set(there))
    assert len({str(each["locality"]) for each in written}) == len(written)


def fallback(*endpoints: str, weight: int = 1) -> ResolvedBackend:
    """Return a backend that is for when the others cannot be used."""
    return replace(backend(*endpoints, weight=weight), is_fallback=True)


def priorities(*found: ResolvedBackend) -> dict[str, int]:
    """Return address → its priority."""
    return {address: each.get("priority", 0) for each in localities(*found) for address in addresses(each)}


A, B = "10.0.0.1", "10.0.0.2"
EMPTY = backend()
GONE = backend(refusal="no such Service")
PRIORITIES = {
    "one beside it": ((backend(A), fallback(B)), {A: 0, B: 1}),
    "what both have stays where it is": ((backend(A), fallback(A, B)), {A: 0, B: 1}),
    "nobody beside it is there": ((EMPTY, fallback(B)), {B: 1}),
    "all of them are": ((fallback(A), fallback(B)), {A: 0, B: 0}),
    "the others have no weight": ((backend(A, weight=0), fallback(B)), {B: 0}),
    "it has no weight": ((backend(A), fallback(B, weight=0)), {A: 0}),
    "it is refused": ((backend(A), replace(GONE, is_fallback=True)), {A: 0}),
}


@pytest.mark.parametrize(("found", "expected"), PRIORITIES.values(), ids=PRIORITIES)
def test_a_fallback_is_of_a_lower_priority(found: tuple[ResolvedBackend, ...], expected: dict[str, int]) -> None:
    """It gets nothing while the others are there (Envoy Gateway, Backend.fallback); priorities leave none out."""
    assert priorities(*found) == expected


def test_who_has_a_fallback_is_left_out_where_nobody_can_connect_to_it() -> None:
    """Without that, a backend that is down would never be given up; the others are as they were."""
    (with_fallback,) = by_name(translate(serve(rule(backend(A), fallback(B)))).clusters).values()
    assert with_fallback["outlier_detection"]["consecutive_local_origin_failure"] == 1
    (without,) = by_name(translate(serve(rule(backend(A), backend(B)))).clusters).values()
    assert "outlier_detection" not in without


def test_a_fallback_is_in_every_cluster_of_its_rule() -> None:
    """Backends that do not fit one cluster have one each, and the share of a refused one is lost all the same."""
    gateway = serve(rule(backend(A), backend("db.example"), GONE, fallback(B)))
    split = only_route(gateway)["route"]["weighted_clusters"]["clusters"]
    assert [each["weight"] for each in split] == [1, 1, 1]
    clusters = by_name(translate(gateway).clusters)
    assert {each["type"] for each in clusters.values()} == {"EDS", "STRICT_DNS"}
    assert all("outlier_detection" in each for each in clusters.values())


def test_a_name_stands_in_for_an_address() -> None:
    """Then Envoy resolves the cluster, in which an address is a name that resolves to itself."""
    (cluster,) = by_name(translate(serve(rule(backend(A), fallback("db.example")))).clusters).values()
    assert cluster["type"] == "STRICT_DNS"
    assert [each.get("priority", 0) for each in cluster["load_assignment"]["endpoints"]] == [0, 1]


@pytest.mark.parametrize(
    ("active", "spare"),
    [
        (backend(A), replace(fallback(B), protocol=UpstreamProtocol.HTTP2)),
        (backend("/run/a.sock"), fallback("db.example")),
        (backend("db.example"), fallback("/run/a.sock")),
    ],
)
def test_what_one_cluster_cannot_hold_is_no_fallback(active: ResolvedBackend, spare: ResolvedBackend) -> None:
    """The model says so to people; Envoy would refuse the cluster, or speak to it wrongly."""
    (cluster,) = by_name(translate(serve(rule(active, spare))).clusters).values()
    assert "outlier_detection" not in cluster
