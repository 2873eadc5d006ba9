"""Backends of kinds that belong to extensions."""

from __future__ import annotations

import json

import pytest

from egxds.model.api.kinds import KindTable
from egxds.model.resolve.resolved import ResolvedBackend
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.store import ObjectStore
from egxds.settings.extensions import ExtensionManager
from tests.unit.model.texts import gateway, grant, route
from tests.unit.model.worlds import CONTROLLER, EXTENSION_SETTINGS, World, parents, the_gateway

POOL_KIND = {"group": "shop.test", "version": "v1", "kind": "Pool"}
SERVICE_KIND = {"group": "", "version": "v1", "kind": "Service"}
EXTENSION = ExtensionManager.model_validate({**EXTENSION_SETTINGS, "backendResources": [POOL_KIND, SERVICE_KIND]})
KINDS = KindTable.of([EXTENSION])
GRANT = grant(
    "pools",
    "[{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]",
    "[{group: shop.test, kind: Pool}]",
)


def world() -> World:
    """Return a world in which an extension has backends."""
    return World(ObjectStore(KINDS), Resolver(ResolverOptions(CONTROLLER, (), KINDS.extension_kinds)))


def pool(space: str = "default", zone: int = 1) -> str:
    """Write a custom backend."""
    metadata = json.dumps({"name": "pool", "namespace": space})
    return f"apiVersion: shop.test/v1\nkind: Pool\nmetadata: {metadata}\nspec: {{zone: {zone}}}\n"


def to(kind: str = "Pool", more: str = "") -> str:
    """Write a route to one backend."""
    return route(spec=f"rules: [{{backendRefs: [{{group: shop.test, kind: {kind}, name: pool{more}}}]}}]")


def follow(*texts: str) -> tuple[ResolvedBackend, str]:
    """Return the one backend, and ResolvedRefs of its route."""
    resolution = world().scan(gateway(), *texts)
    (rule,) = next(iter(the_gateway(resolution).listeners[0].routes.values())).route.rules
    return rule.backends[0], parents(resolution)[0]["ResolvedRefs"]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        pytest.param((to(), pool()), "True/ResolvedRefs", id="there"),
        pytest.param((to(), pool("pools")), "False/BackendNotFound", id="missing"),
        pytest.param((to("Ticket"),), "False/InvalidKind", id="a kind of filters"),
        pytest.param((to("Thing"),), "False/InvalidKind", id="nobody's kind"),
        pytest.param((to(more=", namespace: pools"), pool("pools")), "False/RefNotPermitted", id="not permitted"),
        pytest.param((to(more=", namespace: pools"), pool("pools"), GRANT), "True/ResolvedRefs", id="permitted"),
    ],
)
def test_a_backend_may_be_of_an_extensions_kind(texts: tuple[str, ...], reason: str) -> None:
    """One that `backendResources` lists, and no other; like any backend it must be there and be permitted."""
    backend, resolved_refs = follow(*texts)
    assert resolved_refs == reason
    assert (backend.custom is not None) == (reason == "True/ResolvedRefs") == (backend.refusal == "")
    assert backend.endpoints is None


def test_a_change_of_a_custom_backend_reaches_its_route() -> None:
    """And a change of nothing leaves the route the very object that it was."""
    here = world()
    routes = [
        next(iter(the_gateway(here.scan(gateway(), to(), pool(zone=zone))).listeners[0].routes.values())).route
        for zone in (1, 1, 2)
    ]
    assert routes[0] is routes[1]
    custom = routes[2].rules[0].backends[0].custom
    assert custom is not None
    assert b'"zone":2' in custom.content.document


def test_a_built_in_kind_stays_what_it_is() -> None:
    """An extension that claims Services gets none."""
    assert ("", "Service") not in KINDS.extension_kinds.backends
