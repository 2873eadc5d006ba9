"""What a resolver remembers: it does only what changed, and what did not change is the same object."""

from __future__ import annotations

from egxds.model.resolve.resolved import AttachedRoute, Resolution
from tests.unit.model.texts import backend, endpoint_slice, gateway, gateway_class, grant, namespace, route, service
from tests.unit.model.worlds import World, served, status, the_gateway

ROUTED = "rules: [{backendRefs: [{name: app, port: 80}]}]"
OTHER = "rules: [{backendRefs: [{name: other, port: 80}]}]"
BASE = (gateway(), route("a", ROUTED), route("b", OTHER), service(), service("other"), endpoint_slice())
FROM = "[{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]"


def attached(resolution: Resolution, name: str, gateway_name: str = "default/web") -> AttachedRoute:
    """Return a route at the listener."""
    routes = served(resolution, gateway_name)["http"].routes.values()
    return next(found for found in routes if found.route.route.key.name == name)


def followed(world: World, *texts: str) -> int:
    """Look at a file, and count the routes whose references are followed for it."""
    before = world.resolver.routes_followed
    world.scan(*texts)
    return world.resolver.routes_followed - before


def test_an_equal_look_costs_nothing_and_gives_the_same() -> None:
    """Gateways, routes and statuses are the very objects of before."""
    world = World()
    before, after = world.scan(*BASE), world.scan(*BASE)
    assert world.resolver.routes_followed == 2
    assert all(one is other for one, other in zip(before.gateways, after.gateways, strict=True))
    assert status(after, "HTTPRoute", "default/a") is status(before, "HTTPRoute", "default/a")


def test_a_route_that_changes_leaves_the_others_alone() -> None:
    """Only the changed route is followed; the other one is identical."""
    world = World()
    before = world.scan(*BASE)
    after = world.scan(*BASE[:2], route("b", f"hostnames: [b.test]\n{OTHER}"), *BASE[3:])
    assert world.resolver.routes_followed == 3
    assert attached(after, "a") is attached(before, "a")
    assert attached(after, "b").route is not attached(before, "b").route


def test_an_endpoint_touches_only_the_routes_it_is_behind() -> None:
    """A slice that changes is followed by the routes of its Service, and by no other."""
    world = World()
    before = world.scan(*BASE)
    after = world.scan(*BASE[:-1], endpoint_slice(addresses="[{addresses: [10.0.0.9]}]"))
    assert world.resolver.routes_followed == 3
    assert attached(after, "b") is attached(before, "b")
    assert attached(after, "a").route is not attached(before, "a").route


def test_what_appears_or_goes_behind_a_reference_is_noticed() -> None:
    """Services, slices, Backends, grants and extensions' objects count, and only for whom they matter."""
    far = route("far", "rules: [{backendRefs: [{name: app, port: 80, namespace: shop}]}]")
    near = route("near", "rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: app}]}]")
    ticket = "{type: ExtensionRef, extensionRef: {group: shop.test, kind: Ticket, name: one}}"
    marked = route("marked", f"rules: [{{filters: [{ticket}]}}]")
    world = World()
    texts = [gateway(), far, near, marked]
    assert followed(world, *texts) == 3
    for text in (
        service(namespace="shop"),
        grant("shop", FROM, "[{group: '', kind: Service}]"),
        backend("[{unix: {path: /a}}]"),
        "apiVersion: shop.test/v1\nkind: Ticket\nmetadata: {name: one}\n",
    ):
        assert followed(world, *texts, text) == 1
        assert followed(world, *texts) == 1
    for text in (service("else"), grant("else", FROM, "[{group: '', kind: Service}]"), endpoint_slice()):
        assert followed(world, *texts, text) == 0


def test_a_gateway_that_changes_follows_no_reference() -> None:
    """Its routes are attached again; what is behind them, and how they stand at other Gateways, stays identical."""
    both = route("a", ROUTED, parents="[{name: web}, {name: second}]")
    world = World()
    before = world.scan(service(), both, gateway("second"), gateway())
    after = world.scan(
        service(), both, gateway("second"), gateway(listeners="- {name: http, port: 81, protocol: HTTP}")
    )
    assert world.resolver.routes_followed == 1
    assert attached(after, "a").route is attached(before, "a").route
    assert the_gateway(after, "default/second") is the_gateway(before, "default/second")
    assert served(after)["http"].port == 81


def test_attachment_follows_gateways_classes_and_namespaces() -> None:
    """Whatever decides whether a listener takes a route is noticed when it changes."""
    labelled = "{from: Selector, selector: {matchLabels: {team: shop}}}"
    picky = gateway(listeners=f"- {{name: http, port: 80, protocol: HTTP, allowedRoutes: {{namespaces: {labelled}}}}}")
    world = World()
    assert not served(world.scan(route("a"), picky))["http"].routes
    assert served(world.scan(route("a"), picky, namespace("default", team="shop")))["http"].routes
    assert not served(world.scan(route("a"), picky, namespace("default", team="cart")))["http"].routes
    assert served(world.scan(route("a"), gateway()))["http"].routes
    assert not world.scan(route("a"), gateway(), gateway_class("other")).gateways
    assert served(world.scan(route("a"), gateway(), gateway_class()))["http"].routes


def test_an_object_that_moved_is_no_change() -> None:
    """It does not know its place, so all that was made of it stays."""
    world = World()
    before = world.scan(gateway(), route("a"))
    after = world.scan("# text\n", gateway(), route("a"))
    assert the_gateway(after) is the_gateway(before)


def test_what_only_moved_behind_a_route_is_no_change() -> None:
    """Services and slices that stand elsewhere, or got a label, lead to the same endpoints."""
    world = World()
    before = world.scan(*BASE[:3], *BASE[3:])
    labelled = service().replace("{name: app,", "{name: app, labels: {a: b},")
    after = world.scan(*BASE[:3], "# text\n", endpoint_slice(), service("other"), labelled)
    assert world.resolver.routes_followed == 2
    assert attached(after, "a") is attached(before, "a")


def test_memory_dies_with_the_routes() -> None:
    """After most routes are gone nothing of them is kept."""
    world = World()
    world.scan(gateway(), *(route(f"r{number}") for number in range(30)))
    world.scan(gateway(), route("r1"))
    assert followed(world, gateway(), route("r1"), route("r2")) == 1
    assert len(world.resolver._memo._known) == 2
