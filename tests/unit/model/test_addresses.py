"""Which addresses a Gateway binds."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.model.resolver import Resolver
from tests.unit.model.texts import gateway
from tests.unit.model.worlds import World, conditions, messages, options, resolve, served, status, the_gateway

POOL = "127.0.10.0/24"


def pooled(*pool: str) -> World:
    """Make a world with a pool of addresses."""
    return World(resolver=Resolver(options(*pool)))


def addresses(world: World, *names: str) -> dict[str, tuple[str, ...]]:
    """Return what some Gateways get."""
    resolution = world.scan(*(gateway(name) for name in names))
    return {found.name.removeprefix("default/"): found.addresses for found in resolution.gateways.values()}


def test_without_a_pool_a_gateway_binds_every_address() -> None:
    """A Gateway that asks for nothing, or for any address, gets 0.0.0.0."""
    for more in ("", "addresses: []", "addresses: [{}]", "addresses: [{type: IPAddress}]"):
        resolution = resolve(gateway(more=more))
        assert the_gateway(resolution).addresses == ("0.0.0.0",)
        assert status(resolution, "Gateway")["addresses"] == [{"type": "IPAddress", "value": "0.0.0.0"}]


def test_a_gateway_binds_what_it_asks_for() -> None:
    """Addresses keep their order, in their shortest spelling, each once."""
    more = "addresses: [{value: 10.0.0.2}, {value: '0:0::1'}, {value: 10.0.0.1}, {value: '::1'}]"
    resolution = resolve(gateway(more=more))
    assert the_gateway(resolution).addresses == ("10.0.0.2", "::1", "10.0.0.1")


@pytest.mark.parametrize(
    "address", ["{type: Hostname, value: a.test}", "{type: test/odd, value: x}", "{type: Hostname}"]
)
def test_other_types_of_addresses_refuse_the_gateway(address: str) -> None:
    """Only IP addresses can be bound."""
    resolution = resolve(gateway(more=f"addresses: [{{value: 10.0.0.1}}, {address}]"))
    assert conditions(status(resolution, "Gateway")) == {
        "Accepted": "False/UnsupportedAddress",
        "Programmed": "False/Invalid",
    }
    assert not served(resolution)
    assert "a.yaml:8: error: Gateway default/web: addresses of type" in messages(resolution)[0]


@pytest.mark.parametrize("value", ["PLACEHOLDER", "10.0.0.256", "224.0.0.1", "255.255.255.255", "10.0.0.0/8"])
def test_what_no_socket_can_be_bound_to_is_not_usable(value: str) -> None:
    """The Gateway is accepted but not programmed; addresses beside it are bound all the same."""
    resolution = resolve(gateway(more=f"addresses: [{{value: '{value}'}}]"))
    assert conditions(status(resolution, "Gateway")) == {
        "Accepted": "True/Accepted",
        "Programmed": "False/AddressNotUsable",
    }
    assert not served(resolution)
    resolution = resolve(gateway(more=f"addresses: [{{value: '{value}'}}, {{value: 10.0.0.1}}]"))
    assert conditions(status(resolution, "Gateway"))["Programmed"] == "False/AddressNotUsable"
    assert the_gateway(resolution).addresses == ("10.0.0.1",)
    assert list(served(resolution)) == ["http"]


def test_every_gateway_gets_one_address_of_the_pool() -> None:
    """The address depends on the Gateway's name alone, as long as no other has it."""
    together = addresses(pooled(POOL), "a", "b", "c")
    assert len(set(together.values())) == 3
    assert all(ipaddress.ip_address(found) in ipaddress.ip_network(POOL) for (found,) in together.values())
    assert addresses(pooled(POOL), "b") == {"b": together["b"]}


def test_the_first_and_last_address_of_a_network_are_left_out() -> None:
    """They name the network and everyone in it; a network of one or two addresses has no such."""
    given_out = addresses(pooled("10.0.0.0/30"), "a", "b", "c")
    assert sorted(given_out.values()) == [(), ("10.0.0.1",), ("10.0.0.2",)]
    assert addresses(pooled("10.0.0.7/32"), "a") == {"a": ("10.0.0.7",)}


def test_a_pool_of_several_networks_is_used_up_before_anyone_goes_without() -> None:
    """IPv4 and IPv6 may stand together; a Gateway without an address is not programmed, and says what to do."""
    world = pooled("10.0.0.0/31", "fd00::5/128")
    names = [f"g{number}" for number in range(4)]
    given_out = addresses(world, *names)
    assert sorted(given_out.values()) == [(), ("10.0.0.0",), ("10.0.0.1",), ("fd00::5",)]
    without = next(name for name, found in given_out.items() if not found)
    resolution = world.scan(*(gateway(name) for name in names))
    assert conditions(status(resolution, "Gateway", f"default/{without}")) == {
        "Accepted": "True/Accepted",
        "Programmed": "False/AddressNotAssigned",
    }
    assert not served(resolution, f"default/{without}")
    assert "widen addresses.pool in the settings, or set spec.addresses" in messages(resolution)[0]


def test_a_large_network_costs_nothing() -> None:
    """A pool is never listed."""
    ((found,),) = addresses(pooled("fd00::/64"), "a").values()
    assert ipaddress.ip_address(found) in ipaddress.ip_network("fd00::/64")


def test_the_pool_gives_nothing_that_was_asked_for_by_name() -> None:
    """An address in spec.addresses is not given to another Gateway."""
    world = pooled("10.0.0.0/31")
    fixed = gateway("fixed", more="addresses: [{value: 10.0.0.1}]")
    resolution = world.scan(gateway("a"), fixed)
    assert the_gateway(resolution, "default/a").addresses == ("10.0.0.0",)


NAMES = st.lists(st.sampled_from([f"g{number}" for number in range(8)]), unique=True, max_size=8)


@given(looks=st.lists(NAMES, min_size=1, max_size=6))
def test_nobody_is_moved(looks: list[list[str]]) -> None:
    """Whoever comes and goes, a Gateway that stays keeps its address, and no two have the same."""
    world = pooled("10.0.0.0/29")
    before: dict[str, tuple[str, ...]] = {}
    for names in looks:
        now = addresses(world, *names)
        given_out = [found for found in now.values() if found]
        assert len(set(given_out)) == len(given_out) == min(len(names), 6)
        assert all(now[name] == found for name, found in before.items() if found and name in now)
        before = now
