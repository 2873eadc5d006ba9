"""An edit costs what it changes: lines of Python that run are as many at any number of routes, hosts and Gateways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from egxds.model.resolve.upstreams import EndpointsShape
from egxds.translate.translator import Translator
from tests.lines_of_rooms import lines_of_rooms, lines_with_empty_caches
from tests.unit.translate.builders import address, match, rule
from tests.unit.translate.edits import Place, World, Written, backend_of

ROOMS = ("translate", "resources", "incremental")
DNS = "svc-8"

Edit = Callable[[World], None]


def _rule(number: int, path: str = "") -> dict[str, Any]:
    service = f"svc-{number}"
    shape = EndpointsShape.HOSTNAMES if service == DNS else EndpointsShape.ADDRESSES
    return rule(backend_of(service, shape), matches=[match(path or f"/{number}")])


def _put(world: World, number: int, parent: tuple[str, str], hostname: str) -> None:
    service = f"svc-{number}"
    world.put_endpoints(service, address("db.example" if service == DNS else "10.0.0.1"))
    world.put_route(f"r{number}", Written((_rule(number),), frozenset({parent}), (hostname,)))


def _many_hosts(size: int) -> World:
    world = World()
    world.put_gateway("web", Place("one"), Place("wild", hostname="*.b.example"), Place("tls", 443))
    for number in range(size):
        _put(world, number, ("web", "one"), f"h{number}.example")
    return world


def _one_host(size: int) -> World:
    world = World()
    world.put_gateway("web", Place("one"), Place("tls", 443))
    for number in range(size):
        _put(world, number, ("web", "one"), "one.example")
    return world


def _many_listeners(size: int) -> World:
    world = World()
    secure = [Place(f"l{number}", 443, f"h{number}.example", f"cert-{number}") for number in range(size)]
    world.put_gateway("web", Place("one"), Place("tls", 443, "*.tls"), *secure)
    for number in range(20):
        _put(world, number, ("web", f"l{number}"), f"h{number}.example")
    return world


def _many_gateways(size: int) -> World:
    world = World()
    for number in range(size):
        world.put_gateway(f"gw-{number}", Place("one"))
    for number in range(size):
        _put(world, number, (f"gw-{number}", "one"), f"h{number}.example")
    world.put_gateway("web", Place("tls", 443))
    return world


def _change(number: int, change: Callable[[Written], Written]) -> Edit:
    return lambda world: world.put_route(f"r{number}", change(world.written[f"r{number}"]))


def _rules(*rules: dict[str, Any]) -> Callable[[Written], Written]:
    return lambda written: replace(written, rules=rules)


def _hostnames(*hostnames: str) -> Callable[[Written], Written]:
    return lambda written: replace(written, hostnames=hostnames)


def _add(world: World) -> None:
    world.put_endpoints("svc-new", address("10.0.0.1"))
    new = replace(world.written["r7"], rules=(rule(backend_of("svc-new"), matches=[match("/new")]),))
    world.put_route("new", new)


EDITS: Mapping[str, Edit] = {
    "a match": _change(7, _rules(_rule(7, "/changed"))),
    "a longer match": _change(7, _rules(_rule(7, "/changed/to/what/is/longer"))),
    "a backend": _change(7, _rules(_rule(6))),
    "a hostname": _change(9, _hostnames("other.example")),
    "a hostname more": _change(10, _hostnames("h10.example", "more.example", "a.b.example")),
    "a route that means the same": _change(11, replace),
    "a new route": _add,
    "a deletion": lambda world: world.remove_route("r12"),
    "an endpoint": lambda world: world.put_endpoints("svc-5", address("10.0.0.2")),
    "an endpoint that is a name": lambda world: world.put_endpoints(DNS, address("other.example")),
    "endpoints of two routes": lambda world: world.put_endpoints("svc-6", address("10.0.0.2")),
    "a certificate": lambda world: world.put_secret("cert", "renewed"),
    "nothing": lambda _: None,
}


def _lines(world: World) -> Mapping[str, Mapping[str, int]]:
    """Make the edits, one after the other, and count the lines that run in each room."""
    translator = Translator()
    translator.update(world.resolution())
    found: dict[str, Mapping[str, int]] = {}
    for name, edit in EDITS.items():
        edit(world)
        resolution = world.resolution()
        with lines_with_empty_caches() as counted:
            translations = translator.update(resolution)
        found[name] = Counter({room: counted[room] for room in ROOMS})
        assert (counted["translate"] > 100) == (name != "nothing") or name == "a certificate", counted
        assert translations
    return found


@pytest.mark.parametrize(
    ("build", "sizes"),
    [
        (_many_hosts, (30, 300, 3000)),
        # The length of the virtual host is written in three bytes at each size.
        (_one_host, (100, 300, 3000)),
        (_many_listeners, (30, 300)),
        (_many_gateways, (30, 300)),
    ],
)
def test_an_edit_costs_the_same_at_any_size(build: Callable[[int], World], sizes: tuple[int, ...]) -> None:
    """Over all there is, only the interpreter goes: copies of mappings and of sorted hosts, and joins of bytes."""
    small, *larger = (_lines(build(size)) for size in sizes)
    assert small["an endpoint"]["translate"] > 0
    for found in larger:
        assert found == small


def test_an_address_among_many_is_written_alone() -> None:
    """The others are joined as they are."""
    found = []
    for size in (10, 1000):
        addresses = [address(f"10.0.{number // 250}.{number % 250}") for number in range(size)]
        world, translator = _many_hosts(10), Translator()
        world.put_endpoints("svc-5", *addresses)
        translator.update(world.resolution())
        world.put_endpoints("svc-5", *addresses[:-1], address(f"10.9.{size // 100}.1"))
        resolution = world.resolution()
        with lines_of_rooms() as counted:
            translator.update(resolution)
        found.append(counted["translate"])
    assert found[0] == found[1] > 0
