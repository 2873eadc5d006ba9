"""Gateways of a class that are served as one, since its EnvoyProxy asks for that."""

from __future__ import annotations

import json
from typing import Any

from egxds.model.resolve.resolved import Resolution
from egxds.translate.translator import Translator
from tests.unit.model.texts import gateway, gateway_class, route
from tests.unit.model.worlds import World, conditions, listener_status, messages, resolve, status

REF = "parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: wide, namespace: infra}"
CLASS = gateway_class(more=REF)


def proxy(**spec: Any) -> str:
    """Write the EnvoyProxy of the class."""
    head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {name: wide, namespace: infra}\n"
    return f"{head}spec: {json.dumps(spec)}\n"


MERGED = (CLASS, proxy(mergeGateways=True))
SHOP = "- {name: http, port: 80, protocol: HTTP, hostname: shop.test}"
CART = "- {name: http, port: 80, protocol: HTTP, hostname: cart.test}\n- {name: more, port: 81, protocol: HTTP}"


def envoy_names(resolution: Resolution) -> dict[str, dict[str, list[str]]]:
    """Return what is translated: its name → names of its Listeners and RouteConfigurations."""
    made = Translator().update(resolution)
    return {
        name: {"listeners": sorted(each.listeners), "routes": sorted(each.route_configurations)}
        for name, each in made.items()
    }


def test_gateways_share_a_port() -> None:
    """One Envoy Listener, named after the first listener of the older Gateway, as one Gateway would have it."""
    found = envoy_names(resolve(*MERGED, gateway("a", SHOP), gateway("b", CART)))
    names = ["default/a/http", "default/b/more"]
    assert found == {"/edge": {"listeners": names, "routes": names}}


def test_hosts_of_all_are_served() -> None:
    """Routes attach to their own Gateway, and their hosts stand side by side."""
    texts = (
        gateway("a", SHOP),
        gateway("b", CART),
        route("one", parents="[{name: a}]"),
        route("two", parents="[{name: b}]"),
    )
    made = Translator().update(resolve(*MERGED, *texts))["/edge"]
    hosts = made.route_configurations["default/a/http"].virtual_hosts.by_name
    assert sorted(hosts) == ["default/a/http/shop_test", "default/b/http/cart_test"]


def test_equal_hostnames_conflict() -> None:
    """The younger Gateway has lost the hostname; its other listeners are served."""
    resolution = resolve(*MERGED, gateway("a", SHOP, creationTimestamp="2026-01-02T00:00:00Z"), _younger())
    lost = conditions(listener_status(resolution, "http", "default/b"))
    assert lost["Conflicted"] == "True/HostnameConflict"
    assert (lost["Accepted"], lost["Programmed"]) == ("False/HostnameConflict", "False/HostnameConflict")
    kept = conditions(listener_status(resolution, "http", "default/a"))
    assert (kept["Conflicted"], kept["Programmed"]) == ("False/NoConflicts", "True/Programmed")
    assert conditions(listener_status(resolution, "udp", "default/b"))["Programmed"] == "True/Programmed"
    assert any("belongs to listeners default/a/http, before it" in each for each in messages(resolution))
    assert "egxds.io/ServedByClass" not in lost


def _younger() -> str:
    return gateway("b", SHOP + "\n- {name: udp, port: 80, protocol: UDP}")


def test_protocols_conflict_as_well() -> None:
    """What cannot share a port with the older Gateway's does not get it."""
    resolution = resolve(*MERGED, gateway("a", SHOP), gateway("b", "- {name: tcp, port: 80, protocol: TCP}"))
    assert conditions(listener_status(resolution, "tcp", "default/b"))["Conflicted"] == "True/ProtocolConflict"


def test_an_edit_of_the_older_mends_the_younger() -> None:
    """The younger Gateway is judged again, though nothing of it has changed."""
    world = World()
    assert _is_lost(world.scan(*MERGED, gateway("a", SHOP), gateway("b", SHOP)))
    assert not _is_lost(world.scan(*MERGED, gateway("a", CART), gateway("b", SHOP)))
    assert _is_lost(world.scan(*MERGED, gateway("a", SHOP), gateway("b", SHOP)))
    assert not _is_lost(world.scan(*MERGED, gateway("b", SHOP)))


def _is_lost(resolution: Resolution) -> bool:
    return conditions(listener_status(resolution, "http", "default/b"))["Conflicted"].startswith("True")


def test_gateways_are_apart_until_they_are_asked_to_be_one() -> None:
    """And again where they are not any more."""
    world, made = World(), Translator()
    gateways = (gateway("a", SHOP), gateway("b", CART))
    assert set(made.update(world.scan(CLASS, proxy(), *gateways))) == {"default/a", "default/b"}
    assert set(made.update(world.scan(*MERGED, *gateways))) == {"/edge"}
    assert set(made.update(world.scan(CLASS, proxy(), *gateways))) == {"default/a", "default/b"}


def test_gateways_with_other_addresses_share_nothing() -> None:
    """Each has its own Envoy Listener; what is meant for one address is never bound at another."""
    first = gateway("a", SHOP, more="addresses: [{value: 127.0.0.1}]")
    second = gateway("b", SHOP, more="addresses: [{value: 127.0.0.2}]")
    resolution = resolve(*MERGED, first, second)
    assert envoy_names(resolution)["/edge"]["listeners"] == ["default/a/http", "default/b/http"]
    assert not messages(resolution)


def test_addresses_that_are_partly_the_same() -> None:
    """Two Envoy Listeners cannot have one address and port: the younger Gateway is not accepted."""
    first = gateway("a", SHOP, more="addresses: [{value: 127.0.0.1}, {value: 127.0.0.2}]")
    second = gateway("b", CART, more="addresses: [{value: 127.0.0.2}]")
    resolution = resolve(*MERGED, first, second)
    assert conditions(status(resolution, "Gateway", "default/b"))["Accepted"] == "False/InvalidParameters"
    assert envoy_names(resolution)["/edge"]["listeners"] == ["default/a/http"]


def test_what_a_gateway_names_itself_is_not_looked_at() -> None:
    """One Envoy cannot be as each of several Gateways would have it."""
    own = gateway(
        "a", SHOP, more=f"infrastructure: {{{REF.replace('wide', 'gone').replace(', namespace: infra', '')}}}"
    )
    assert conditions(status(resolve(*MERGED, own), "Gateway", "default/a"))["Accepted"] == "True/Accepted"


def test_hosts_say_whose_they_are() -> None:
    """The Gateway that a host comes from is named, as where it is served by itself."""
    made = Translator().update(resolve(*MERGED, gateway("a", SHOP), gateway("b", CART), _at("b")))["/edge"]
    (host,) = (each for each in made.route_configurations["default/a/http"].virtual_hosts if "/b/" in each.name)
    assert [key.name for key in host.sources if key.kind == "Gateway"] == ["b"]
    assert b"\n\x04name\x12\x03\x1a\x01b" in host.head


def _at(name: str) -> str:
    return route(parents=f"[{{name: {name}}}]")
