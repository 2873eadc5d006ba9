"""The order of HTTP filters that an EnvoyProxy asks for."""

from __future__ import annotations

import pytest
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from pydantic import ValidationError

from egxds.model.api.envoy_proxy.filter_order import FilterPosition, contradiction
from egxds.translate.http_filters.order import in_order

HTTP = "envoy.filters.http."
DENIAL = "egxds.filters.http.denial/SecurityPolicy"
USUAL = ("health_check", DENIAL, "cors", "basic_auth/securitypolicy", "jwt_authn/shop/web", "rbac/securitypolicy")


def position(name: str, **anchor: str) -> FilterPosition:
    """Where a filter is to stand."""
    said = {"name": HTTP + name, **{where: HTTP + other for where, other in anchor.items()}}
    return FilterPosition.model_validate(said)


def ordered(*positions: FilterPosition) -> list[str]:
    """Names of filters as they come to stand, without what they have in common."""
    filters = [HttpFilter(name=name if name == DENIAL else HTTP + name) for name in USUAL]
    return [each.name.removeprefix(HTTP) for each in in_order(filters, positions)]


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ((), USUAL),
        (
            (position("cors", after="basic_auth"),),
            (USUAL[0], DENIAL, "basic_auth/securitypolicy", "cors", "jwt_authn/shop/web", "rbac/securitypolicy"),
        ),
        (
            (position("rbac", before="cors"), position("jwt_authn", before="rbac")),
            (USUAL[0], DENIAL, "jwt_authn/shop/web", "rbac/securitypolicy", "cors", "basic_auth/securitypolicy"),
        ),
        ((position("wasm", before="cors"),), USUAL),
        ((position("cors", before="wasm"),), USUAL),
    ],
)
def test_positions(positions: tuple[FilterPosition, ...], expected: tuple[str, ...]) -> None:
    """A filter stands right beside another one; what there is none of changes nothing."""
    assert ordered(*positions) == list(expected)


def test_what_denies_stays_first() -> None:
    """No order has a request answered before what denies it."""
    assert ordered(position("cors", before="health_check"))[0] == DENIAL
    assert ordered(position("health_check", after="rbac"))[0] == DENIAL


def test_contradictions() -> None:
    """Filters that are each to stand before the other are told."""
    there, back = position("cors", before="jwt_authn"), position("jwt_authn", before="cors")
    assert set(contradiction((there, back))) == {HTTP + "cors", HTTP + "jwt_authn"}
    assert contradiction((there, position("jwt_authn", before="rbac"))) == ()


@pytest.mark.parametrize("anchor", [{}, {"before": "cors"}, {"before": "rbac", "after": "rbac"}, {"before": "router"}])
def test_no_position(anchor: dict[str, str]) -> None:
    """Before or after, and another filter than itself; none behind the router."""
    with pytest.raises(ValidationError):
        position("cors", **anchor)
