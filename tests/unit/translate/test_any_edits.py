"""Whatever happens, and in whatever order: what is translated is what a translator without a past makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import ResolvedBackend
from egxds.model.resolve.upstreams import EndpointsShape
from egxds.resources.translation import GatewayTranslation
from egxds.translate.translator import Translator
from tests.unit.translate.builders import address, backend, extension, match, rule
from tests.unit.translate.edits import Place, World, Written, backend_of
from tests.unit.translate.reading import contents, resources

HOSTS = ("*", "*.example", "*.a.example", "a.example", "b.a.example", "c.other")
GATEWAYS = ("web", "api")
LISTENERS = ("one", "two", "three")
ROUTES = ("r0", "r1", "r2", "r3")
SERVICES = ("s0", "s1")
DNS = "dns"
SECRETS = ("cert", "other-cert")

Edit = Callable[[World], None]
hosts = st.sampled_from(HOSTS)


def _backend(kind: str, weight: int) -> ResolvedBackend:
    if kind == "refused":
        return backend(weight=weight, refusal="no such Service")
    return backend_of(kind, EndpointsShape.HOSTNAMES if kind == DNS else EndpointsShape.ADDRESSES, weight)


backends = st.builds(_backend, st.sampled_from([*SERVICES, DNS, "refused"]), st.integers(0, 2))
matches = st.builds(
    match, st.sampled_from(["/", "/a", "/b/c"]), st.sampled_from(["Exact", "PathPrefix", "RegularExpression"])
)
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"statusCode": 301}}
"""Says what port the listener has."""

rules = st.one_of(
    st.builds(
        lambda to, found, extensions: rule(*to, matches=found, extensions=extensions),
        st.lists(backends, max_size=2),
        st.lists(matches, max_size=2),
        st.sampled_from([(), (extension("auth"),)]),
    ),
    st.builds(lambda found: rule(matches=found, filters=[REDIRECT]), st.lists(matches, max_size=2)),
)
written = st.builds(
    Written,
    st.lists(rules, min_size=1, max_size=2).map(tuple),
    st.frozensets(st.tuples(st.sampled_from(GATEWAYS), st.sampled_from(LISTENERS)), max_size=4),
    st.lists(hosts.filter("*".__ne__), max_size=2, unique=True).map(tuple),
    st.sampled_from([None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
)
places = st.lists(
    st.builds(Place, st.sampled_from(LISTENERS), st.sampled_from([80, 443, 81]), hosts, st.sampled_from(SECRETS)),
    max_size=3,
    unique_by=lambda place: place.name,
)


def _edit(method: Callable[..., None], *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Edit]:
    return st.tuples(*arguments).map(lambda found: lambda world: method(world, *found))


def _put_gateway(world: World, name: str, found: list[Place], annotations: Mapping[str, str]) -> None:
    world.put_gateway(name, *found, annotations=annotations)


def _put_addresses(world: World, service: str, last: int) -> None:
    world.put_endpoints(service, *(address(f"10.0.0.{number}") for number in range(1, last)))


def _move_route(world: World, name: str, gateway: str, listener: str) -> None:
    """Attach a route to one listener more, or to one less."""
    before = world.written.get(name)
    if before is not None:
        world.put_route(name, replace(before, parents=before.parents ^ {(gateway, listener)}))


def _drop_listener(world: World, gateway: str, listener: str) -> None:
    places = world.places.get(gateway, ())
    if places:
        kept = [place for place in places if place.name != listener]
        world.put_gateway(gateway, *kept, annotations=world.annotations[gateway])


def _put_names(world: World, name: str) -> None:
    world.put_endpoints(DNS, address(name))


edits = st.one_of(
    _edit(_move_route, st.sampled_from(ROUTES), st.sampled_from(GATEWAYS), st.sampled_from(LISTENERS)),
    _edit(World.put_route, st.sampled_from(ROUTES), written),
    _edit(World.remove_route, st.sampled_from(ROUTES)),
    _edit(
        _put_gateway,
        st.sampled_from(GATEWAYS),
        places,
        st.sampled_from([{}, {"gateway.envoyproxy.io/a": "b"}, {"not-for-envoy": "c"}]),
    ),
    _edit(_drop_listener, st.sampled_from(GATEWAYS), st.sampled_from(LISTENERS)),
    _edit(World.remove_gateway, st.sampled_from(GATEWAYS)),
    _edit(_put_addresses, st.sampled_from(SERVICES), st.integers(1, 4)),
    _edit(_put_names, st.sampled_from(["db.example", "other.example"])),
    _edit(World.put_secret, st.sampled_from(SECRETS), st.sampled_from(["one", "two"])),
)
steps = st.lists(st.lists(edits, min_size=1, max_size=3), min_size=1, max_size=12)


def start() -> World:
    """Return a world with two Gateways, endpoints for every Service, and routes of which each is attached twice."""
    world = World()
    for service in SERVICES:
        world.put_endpoints(service, address("10.0.0.1"))
    world.put_endpoints(DNS, address("db.example"))
    world.put_gateway("web", Place("one"), Place("two", hostname="*.example"), Place("three", 443, "*", "cert"))
    world.put_gateway("api", Place("one"))
    twice = (frozenset({("web", "one"), ("web", "three")}), frozenset({("web", "one"), ("api", "one")}))
    for number, name in enumerate(ROUTES[:3]):
        to = rule(backend_of((*SERVICES, DNS)[number]), matches=[match("/a")])
        world.put_route(name, Written((to,), twice[number % 2], ("a.example", "c.other")))
    return world


@settings(max_examples=300)
@given(steps)
def test_edits_come_to_what_they_lead_to(history: list[list[Edit]]) -> None:
    """Resource by resource, byte by byte; and what did not change is the same object, and what did is named."""
    world, translator = start(), Translator()
    before = translator.update(world.resolution())
    for step in history:
        for edit in step:
            edit(world)
        now = translator.update(world.resolution())
        fresh = Translator().update(world.resolution())
        assert {name: contents(each) for name, each in now.items()} == {
            name: contents(each) for name, each in fresh.items()
        }
        _check_changes(before, now)
        before = now


def _check_changes(before: Revision[str, GatewayTranslation], now: Revision[str, GatewayTranslation]) -> None:
    """Check that revisions name what differs, and that what is equal is the same object."""
    assert _differing(before, now) <= now.changed_since(before)
    for name in now.keys() & before.keys():
        old, new = before[name], now[name]
        assert (old is new) == (_told(old) == _told(new))
        for was, is_ in zip(_groups(old), _groups(new), strict=True):
            assert _differing(was, is_) <= is_.changed_since(was)
            assert all(was[key] is is_[key] for key in was.keys() & is_.keys() if was[key] == is_[key])
        _check_hosts(old, new)


def _check_hosts(old: GatewayTranslation, new: GatewayTranslation) -> None:
    for name in old.route_configurations.keys() & new.route_configurations.keys():
        was, is_ = (each.route_configurations[name].virtual_hosts.by_name for each in (old, new))
        assert _differing(was, is_) <= is_.changed_since(was)
        assert all(was[key] is is_[key] for key in was.keys() & is_.keys() if was[key] == is_[key])


def _groups(found: GatewayTranslation) -> tuple[Revision[str, Any], ...]:
    told = found.context.clusters, found.context.places
    return found.listeners, found.route_configurations, found.clusters, found.endpoints, found.secrets, *told


def _told(found: GatewayTranslation) -> tuple[object, ...]:
    routes = [host.routes for table in found.route_configurations.values() for host in table.virtual_hosts]
    return *contents(found), routes, found.class_name, found.context.owner, found.context.whole


def _differing(before: Mapping[str, object], now: Mapping[str, object]) -> set[str]:
    return {name for name in before.keys() | now.keys() if before.get(name) is not now.get(name)}


@settings(max_examples=60)
@given(steps)
def test_history_leaves_no_trace(history: list[list[Edit]]) -> None:
    """A translator that is told of the last state only has the bytes of one that saw every step; and gone is gone."""
    world, translator = start(), Translator()
    for step in history:
        for edit in step:
            edit(world)
        translator.update(world.resolution())
    for name in GATEWAYS:
        world.remove_gateway(name)
    assert not translator.update(world.resolution())
    world.put_gateway("web", Place("one"))
    now, fresh = translator.update(world.resolution()), Translator().update(world.resolution())
    assert resources(now["default/web"]) == resources(fresh["default/web"])
