"""What a resolver remembers: it does only what changed, and what did not change is the same object."""

from __future__ import annotations

import pytest

from egxds.model.resolve.class_conflicts import SocketBook
from egxds.model.resolve.resolved import AttachedRoute, Resolution
from egxds.model.resolve.upstreams import EndpointsShape, SocketAddress
from egxds.model.resolver import Resolver
from tests.unit.model.keys import certificate_pem, key_pem, new_key
from tests.unit.model.texts import (
    backend,
    endpoint_slice,
    gateway,
    gateway_class,
    grant,
    namespace,
    of,
    route,
    secret,
    service,
)
from tests.unit.model.worlds import World, options, read, served, the_gateway

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
    """Gateways, endpoints and judgements are the very objects of before."""
    world = World()
    before, after = world.scan(*BASE), world.scan(*BASE)
    assert world.resolver.routes_followed == 2
    assert after.gateways is before.gateways
    assert after.endpoints is before.endpoints
    assert after.report.judged is before.report.judged


def test_a_route_that_changes_leaves_the_others_alone() -> None:
    """Only the changed route is followed; the other one is identical."""
    world = World()
    before = world.scan(*BASE)
    after = world.scan(*BASE[:2], route("b", f"hostnames: [b.test]\n{OTHER}"), *BASE[3:])
    assert world.resolver.routes_followed == 3
    assert attached(after, "a") is attached(before, "a")
    assert attached(after, "b").route is not attached(before, "b").route


def test_an_endpoint_is_a_change_of_the_table_alone() -> None:
    """Another address of a Service follows no route, and leaves Gateways and judgements the very objects they were."""
    world = World()
    before = world.scan(*BASE)
    after = world.scan(*BASE[:-1], endpoint_slice(addresses="[{addresses: [10.0.0.9]}]"))
    assert world.resolver.routes_followed == 2
    assert after.gateways is before.gateways
    assert after.report.judged is before.report.judged
    (key,) = after.endpoints.changed_since(before.endpoints)
    assert after.endpoints[key] == (SocketAddress("10.0.0.9", 8080),)


def test_a_first_endpoint_touches_the_routes_it_is_behind() -> None:
    """What answered 503 is served from then on; the routes of other Services do not notice."""
    world = World()
    before = world.scan(*BASE[:-1])
    after = world.scan(*BASE)
    assert world.resolver.routes_followed == 3
    assert attached(after, "b") is attached(before, "b")
    assert attached(after, "a").route.rules[0].backends[0].shape is EndpointsShape.ADDRESSES


def test_a_certificate_touches_its_gateway_and_no_route() -> None:
    """What routes see of a listener is not its certificate."""
    listeners = "- {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}"
    world = World()
    texts = (gateway("second"), gateway(listeners=listeners), route("a", ROUTED))
    before = world.scan(*texts, secret())
    key = new_key()
    after = world.scan(*texts, secret(certificate=certificate_pem(key), key=key_pem(key)))
    assert served(after)["https"].certificates != served(before)["https"].certificates
    assert served(after)["https"].routes is served(before)["https"].routes
    assert the_gateway(after, "default/second") is the_gateway(before, "default/second")
    assert world.resolver.routes_followed == 1


def test_labels_of_a_gateway_touch_no_route() -> None:
    """Routes see what a Gateway says of its listeners; nothing is attached again for less."""
    world = World()
    before = world.scan(*BASE)
    after = world.scan(gateway(labels={"a": "b"}), *BASE[1:])
    assert the_gateway(after) is not the_gateway(before)
    assert served(after)["http"].routes is served(before)["http"].routes


def test_what_the_gateway_of_a_route_lost_and_got_back_is_as_it_was() -> None:
    """A Gateway that goes and comes finds its routes."""
    world = World()
    world.scan(*BASE)
    assert not world.scan(*BASE[1:]).gateways
    assert set(served(world.scan(*BASE))["http"].routes) == {
        attached(world.scan(*BASE), name).route.route.key for name in "ab"
    }


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
    """Services and slices that stand elsewhere lead to the same endpoints."""
    world = World()
    before = world.scan(*BASE[:3], *BASE[3:])
    after = world.scan(*BASE[:3], "# text\n", endpoint_slice(), service("other"), service())
    assert world.resolver.routes_followed == 2
    assert attached(after, "a") is attached(before, "a")


def test_memory_dies_with_the_routes() -> None:
    """After most objects are gone nothing of them is kept."""
    world = World()
    few = (gateway(), route("r1", ROUTED), service())
    world.scan(*few)
    kept = _sizes(world)
    more = (each for number in range(30) for each in (route(f"m{number}", OTHER.replace("other", f"o{number}")),))
    world.scan(*few, *more, *(service(f"o{number}") for number in range(30)), gateway("second"))
    world.scan(*few)
    assert _sizes(world) == kept


def _sizes(world: World) -> dict[str, int]:
    """Count what each part of a resolver remembers."""
    resolving = world.resolver._resolving
    assert resolving is not None
    parts = (resolving._index, resolving._endpoints, resolving._policies, resolving._gateways, resolving.routes)
    return {
        f"{type(part).__name__}.{name}": len(value)
        for part in (*parts, resolving._sockets, resolving.routes._references, resolving.routes._parents)
        for name, value in vars(part).items()
        if isinstance(value, dict | set)
    }


def test_a_resolution_that_fails_is_followed_by_one_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it left half done is of no consequence; addresses that are given out stay so."""
    world = World(resolver=Resolver(options("10.0.0.0/30")))
    before = world.scan(*BASE)
    monkeypatch.setattr(SocketBook, "update", _fail)
    with pytest.raises(RuntimeError):
        world.scan(gateway("a"), gateway(), gateway("b"), route("a"))
    monkeypatch.undo()
    after = world.scan(gateway("a"), *BASE)
    assert the_gateway(after).addresses == the_gateway(before).addresses
    assert set(served(after)["http"].routes) == set(served(before)["http"].routes)
    assert len(the_gateway(after, "default/a").addresses) == 1


def _fail(*_arguments: object) -> None:
    raise RuntimeError


def test_a_state_that_does_not_follow_the_last_one_is_compared_as_a_whole() -> None:
    """A resolver may miss states, or be given one of another store."""
    world = World()
    world.scan(*BASE)
    world.store.update(of(*BASE, route("missed")))
    after = world.scan(*BASE, route("missed"), route("seen"))
    assert {key.name for key in served(after)["http"].routes} == {"a", "b", "missed", "seen"}
    other = world.resolver.resolve(read(gateway(), route("c")))
    assert {key.name for key in served(other)["http"].routes} == {"c"}
