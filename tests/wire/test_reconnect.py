"""Reconnects, nonces, ACK and NACK on a real socket."""

from __future__ import annotations

import pytest

from egxds.wire.grpc.server import XdsServer
from tests.wire.client import Told, envoy
from tests.wire.world import CDS, EDS, LDS, RDS, SDS, World, described

pytestmark = pytest.mark.anyio

OTHER_NODE = {"id": "n2", "cluster": "default/other"}


# Reconnects


@pytest.mark.rule(53)
async def test_reconnect_unchanged(server: XdsServer, world: World) -> None:
    """What the client holds in the same version is not sent, until it is asked for once more."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a"])
    async with envoy(server.address) as again:
        await again.ask(RDS, ["a"], irv={"a": one.versions["a"]})
        assert await again.is_told_nothing()
        assert await again.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})


@pytest.mark.rule(54)
async def test_reconnect_changed(server: XdsServer, world: World) -> None:
    """What the client holds in another version, or not at all, is sent."""
    world.load({RDS: {"a": "1", "b": "2", "c": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a"])
        versions = {"a": one.versions["a"], "b": "old"}
    async with envoy(server.address) as again:
        assert await again.gets(RDS, ["a", "b", "c"], versions) == Told(RDS, {"b": "2", "c": "1"})


@pytest.mark.rule(55)
async def test_reconnect_gone(server: XdsServer, world: World) -> None:
    """What has gone is reported as removed, and sent when it comes back."""
    world.load({RDS: {}})
    async with envoy(server.address) as one:
        assert await one.gets(RDS, ["d"], {"d": "old"}) == Told(RDS, removed=("d",))
        world.set({RDS: {"d": "1"}})
        assert await one.told() == Told(RDS, {"d": "1"})


@pytest.mark.rule(56)
async def test_reconnect_no_longer_wanted(server: XdsServer, world: World) -> None:
    """What the client holds but does not ask for is reported as removed."""
    world.load({RDS: {"a": "1", "e": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a", "e"])
    async with envoy(server.address) as again:
        assert await again.gets(RDS, ["a"], one.versions) == Told(RDS, removed=("e",))


@pytest.mark.rule(57)
async def test_reconnect_wildcard(server: XdsServer, world: World) -> None:
    """A wildcard is answered with what is new, changed or gone."""
    world.load({CDS: {"a": "1", "c": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
    async with envoy(server.address) as again:
        versions = {"a": one.versions["a"], "b": "old"}
        assert await again.gets(CDS, irv=versions) == Told(CDS, {"c": "1"}, removed=("b",))


@pytest.mark.rule(58)
async def test_reconnect_wildcard_unchanged(server: XdsServer, world: World) -> None:
    """A wildcard is answered once, also with nothing."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
    async with envoy(server.address) as again:
        assert await again.gets(CDS, irv=one.versions) == Told(CDS)
        assert await again.is_told_nothing()


@pytest.mark.rule(61)
async def test_versions_survive_a_restart(server: XdsServer, world: World) -> None:
    """Another server with the same content has the same versions."""
    world.load({LDS: {"l": "1"}})
    async with envoy(server.address) as one:
        await one.gets(LDS)
    restarted = World()
    restarted.load({LDS: {"l": "1"}})
    view = restarted.store.view("default/web")
    assert view is not None
    assert view.snapshot.of(LDS)["l"].version == one.versions["l"]


# Nonces, ACK and NACK


@pytest.mark.rule(66)
async def test_nonces_differ(server: XdsServer, world: World) -> None:
    """Every response of a stream has a nonce of its own, whatever its type and content."""
    world.load({CDS: {"a": "1"}, RDS: {"a": "1"}})
    nonces = set()
    async with envoy(server.address) as one:
        for _ in range(100):
            nonces |= {(await one.gets(type_url, ["a"])).nonce for type_url in (CDS, RDS)}
    assert len(nonces) == 200
    assert "" not in nonces


@pytest.mark.rule(67, 79)
async def test_ack_counts_for_its_own_type(server: XdsServer, world: World) -> None:
    """An ACK says nothing about the other types of the stream."""
    world.load({CDS: {"a": "1"}, LDS: {"l": "1"}})
    async with envoy(server.address) as one:
        await one.ask(CDS)
        await one.told()
        await one.ask(LDS)
        await one.told()
        await one.ack(CDS)
        assert await one.is_told_nothing()
        (client,) = described(server.clients)
        acked = {status["type"]: (status["sent"], status["acked"]) for status in client["types"]}
    assert acked["cluster"] == (1, 1)
    assert acked["listener"] == (1, 0)


@pytest.mark.rule(68)
async def test_ack_is_not_answered(server: XdsServer, world: World) -> None:
    """An ACK is met with silence."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
        assert await one.is_told_nothing()


@pytest.mark.rule(69, 70)
async def test_nack_is_not_answered_with_the_same(server: XdsServer, world: World) -> None:
    """What was refused is not sent again; a newer version is."""
    world.load({RDS: {"a": "bad"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["a"])
        await one.told()
        await one.nack(RDS, "no such thing")
        assert await one.is_told_nothing()
        world.set({RDS: {"a": "good"}})
        assert await one.told() == Told(RDS, {"a": "good"})


@pytest.mark.rule(71)
async def test_nack_with_a_subscription(server: XdsServer, world: World) -> None:
    """Names that ride on a NACK are answered."""
    world.load({RDS: {"a": "bad", "b": "1"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["a"])
        await one.told()
        await one.nack(RDS, "no such thing", sub=["b"])
        assert await one.told() == Told(RDS, {"b": "1"})


@pytest.mark.rule(72)
async def test_request_with_a_strange_nonce(server: XdsServer, world: World) -> None:
    """A nonce that nobody gave makes no ACK, and no refusal either."""
    world.load({RDS: {"c": "1"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["c"], nonce="999")
        assert await one.told() == Told(RDS, {"c": "1"})


@pytest.mark.rule(81)
async def test_one_snapshot_comes_in_order(server: XdsServer, world: World) -> None:
    """A change of several types is told in the order in which none refers to what is missing."""
    world.load({})
    before = {type_url: {"a": "1"} for type_url in (SDS, RDS, LDS, EDS, CDS)}
    world.set(before)
    async with envoy(server.address) as one:
        for type_url in before:
            await one.gets(type_url, ["a"])
        world.set({type_url: {"a": "2"} for type_url in before})
        order = [(await one.told()).type_url for _ in before]
    assert order == [CDS, EDS, LDS, RDS, SDS]
