"""What holds for any Gateway."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from egxds import names
from egxds.model.resolve.hostnames import covers
from egxds.model.resolve.listener_protocols import HTTP
from egxds.model.resolve.resolved import (
    AttachedRoute,
    ResolvedBackend,
    ResolvedGateway,
    ResolvedListener,
    ResolvedRoute,
)
from egxds.resources.encoding import encode
from egxds.resources.validation.violations import violations
from egxds.translate.translator import Translator
from tests.unit.translate.builders import backend, gateway, listener, match, route, rule, secret
from tests.unit.translate.reading import contents, go_on, message, resources, translate

sixty = settings(max_examples=60)
"""A machine that is busy with something else is no fault."""

HOSTS = ("*", "*.example", "*.a.example", "a.example", "b.a.example", "c.other", "*.other")
ADDRESSES = ("10.0.0.1", "10.0.0.2", "fd00::1", "db.example", "/run/app.sock")
NAMES = {names.ENDPOINT: "cluster_name"}

hosts = st.sampled_from(HOSTS)
backends = st.builds(
    lambda addresses, weight, refusal: backend(*sorted(addresses), weight=weight, refusal=refusal),
    st.sets(st.sampled_from(ADDRESSES), max_size=3),
    st.integers(0, 3),
    st.sampled_from(["", "", "gone"]),
)
paths = st.sampled_from(["/", "/a", "/a/", "/a/b", "/a/b/c.d"])
matches = st.builds(
    lambda path, type_, method: match(path, type_, **({"method": method} if method else {})),
    paths,
    st.sampled_from(["Exact", "PathPrefix", "RegularExpression"]),
    st.sampled_from(["", "GET"]),
)
changes = st.builds(
    lambda prefix, kind: (prefix, kind),
    st.sampled_from(["", "/", "/x", "/x/"]),
    st.sampled_from(["redirect", "rewrite"]),
)


def _plain(to: list[ResolvedBackend], found: list[Any], refusal: str) -> dict[str, Any]:
    return rule(*to, matches=found, refusal=refusal)


def _changing(to: list[ResolvedBackend], path: str, change: tuple[str, str]) -> dict[str, Any]:
    modifier = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": change[0]}}
    if change[1] == "redirect":
        return rule(matches=[match(path)], filters=[{"type": "RequestRedirect", "requestRedirect": modifier}])
    return rule(*to, matches=[match(path)], filters=[{"type": "URLRewrite", "urlRewrite": modifier}])


some_backends = st.lists(backends, max_size=3)
rules = st.one_of(
    st.builds(_plain, some_backends, st.lists(matches, max_size=3), st.sampled_from(["", "", "", "no such Auth"])),
    st.builds(_changing, some_backends, paths, changes),
)


@st.composite
def _listeners(draw: st.DrawFn, routes: list[ResolvedRoute]) -> list[ResolvedListener]:
    places = draw(st.lists(st.tuples(st.sampled_from([80, 443, 8080]), hosts), min_size=1, max_size=5, unique=True))
    return [_listener(draw, routes, number, *place) for number, place in enumerate(places)]


def _listener(draw: st.DrawFn, routes: list[ResolvedRoute], number: int, port: int, hostname: str) -> ResolvedListener:
    attached = []
    for each in routes:
        asked = draw(st.sets(hosts, max_size=3))
        narrowed = {narrow(host, hostname) for host in asked} - {""}
        attached += [AttachedRoute(each, tuple(sorted(narrowed)))] if narrowed else []
    certificates = [secret(f"cert-{number}")] if port == 443 else []
    return listener(f"l{number}", *attached, port=port, hostname=hostname, certificates=certificates)


def narrow(host: str, hostname: str) -> str:
    """Return what two hostnames have in common; empty for nothing."""
    if covers(hostname, host):
        return host
    return hostname if covers(host, hostname) else ""


@st.composite
def gateways(draw: st.DrawFn) -> ResolvedGateway:
    """A Gateway as the resolver could make it."""
    found = draw(st.lists(st.lists(rules, min_size=1, max_size=3), max_size=3))
    routes = [route(f"r{number}", *each) for number, each in enumerate(found)]
    return gateway(*draw(_listeners(routes)))


@sixty
@given(gateways())
def test_no_domain_stands_twice(served: ResolvedGateway) -> None:
    """Envoy refuses a RouteConfiguration in which a domain stands twice."""
    for table in translate(served).route_configurations.values():
        domains = [domain for host in table.virtual_hosts for domain in host.domains]
        assert len(domains) == len(set(domains))


@sixty
@given(gateways())
def test_host_belongs_to_the_most_specific_listener(served: ResolvedGateway) -> None:
    """No virtual host of a listener serves a host that a more specific listener of the port covers."""
    by_table = {table.name: table for table in translate(served).route_configurations.values()}
    http = [each for each in served.listeners if each.protocol is HTTP]
    for each in http:
        for other in http:
            if other.port == each.port and other is not each and covers(each.hostname, other.hostname):
                taken = [host for table in by_table.values() for host in table.virtual_hosts]
                mine = [host for host in taken if host.name.startswith(f"default/web/{each.name}/")]
                assert not any(covers(other.hostname, host.domains[0]) for host in mine)


@sixty
@given(gateways())
def test_everything_parses_under_its_own_name(served: ResolvedGateway) -> None:
    """Each body is a message of its type whose name is the resource's."""
    translation = translate(served)
    for each in resources(translation):
        assert getattr(message(each), NAMES.get(each.type_url, "name")) == each.name
        # Whatever is joined of parts is what would be encoded as a whole; a RouteConfiguration joins heads and routes.
        assert each.type_url == names.ROUTE_CONFIGURATION or encode(message(each)) == each.body


@sixty
@given(gateways())
def test_envoy_refuses_nothing_for_itself(served: ResolvedGateway) -> None:
    """Each resource keeps the rules that Envoy has for its fields."""
    assert [found for each in resources(translate(served)) for found in violations(message(each))] == []


@sixty
@given(gateways())
def test_routes_name_what_exists(served: ResolvedGateway) -> None:
    """Every cluster that a route names exists, the one for refused backends excepted."""
    translation = translate(served)
    clusters = {each.name for each in translation.clusters.values()} | {"invalid-backend-cluster"}
    for table in translation.route_configurations.values():
        for host in message(table.resource()).virtual_hosts:
            for each in host.routes:
                named = {each.route.cluster, *(share.name for share in each.route.weighted_clusters.clusters)} - {""}
                assert named <= clusters


@sixty
@given(gateways(), st.randoms(use_true_random=False))
def test_order_makes_no_difference(served: ResolvedGateway, dice: random.Random) -> None:
    """Listeners in another order have the same bytes, as long as the first of each port stays the first."""
    shuffled = list(served.listeners)
    dice.shuffle(shuffled)
    first = {each.port: each for each in reversed(served.listeners)}
    shuffled.sort(key=lambda each: each is not first[each.port])
    assert contents(translate(replace(served, listeners=tuple(shuffled)))) == contents(translate(served))


@sixty
@given(st.lists(gateways(), min_size=2, max_size=4))
def test_memory_makes_no_difference(history: list[ResolvedGateway]) -> None:
    """Whatever was translated before, the result is that of a translator without a past."""
    translator = Translator()
    for served in history:
        assert contents(go_on(translator, served)) == contents(translate(served))
