"""Delta discovery on a real socket: the request envelope, subscriptions, reconnects, ACK and NACK."""

from __future__ import annotations

import pytest
from grpclib.const import Status

from egxds.wire.ads import TYPED
from egxds.wire.server import XdsServer
from tests.wire.client import NODE, Told, connected, envoy, stream
from tests.wire.world import CDS, EDS, LDS, RDS, SDS, World

pytestmark = pytest.mark.anyio

OTHER_NODE = {"id": "n2", "cluster": "default/other"}


# The request envelope


async def test_node_only_in_the_first_request(server: XdsServer, world: World) -> None:
    """The node of the first request counts for all that follow."""
    world.load({CDS: {"a": "1"}, LDS: {"l": "1"}})
    async with connected(server.address) as channel, stream(channel) as one:
        await one.ask(LDS, node=NODE)
        assert await one.told() == Told(LDS, {"l": "1"})
        await one.ask(CDS)
        assert await one.told() == Told(CDS, {"a": "1"})


async def test_node_in_every_request(server: XdsServer, world: World) -> None:
    """A client that repeats its node is served as one that does not."""
    world.load({CDS: {"a": "1"}, LDS: {"l": "1"}})
    async with envoy(server.address) as one:
        await one.ask(LDS, node=NODE)
        assert await one.told() == Told(LDS, {"l": "1"})
        await one.ask(CDS, node=NODE)
        assert await one.told() == Told(CDS, {"a": "1"})


async def test_stream_stays_with_its_node(server: XdsServer, world: World) -> None:
    """Another node in a later request does not change what the stream is served."""
    world.load({CDS: {"a": "1"}, LDS: {"l": "1"}})
    world.set({LDS: {"other": "1"}}, gateway="default/other")
    async with envoy(server.address) as one:
        await one.ask(CDS)
        assert await one.told() == Told(CDS, {"a": "1"})
        await one.ask(LDS, node=OTHER_NODE)
        assert await one.told() == Told(LDS, {"l": "1"})


@pytest.mark.parametrize("node", [None, {"id": "", "cluster": "default/web"}])
async def test_no_node(server: XdsServer, world: World, node: dict[str, str] | None) -> None:
    """A first request without a node, or without its id, ends the stream."""
    world.load({CDS: {"a": "1"}})
    async with connected(server.address) as channel, stream(channel) as one:
        await one.ask(CDS, node=node)
        assert (await one.end())[0] is Status.INVALID_ARGUMENT


async def test_no_type_url(server: XdsServer, world: World) -> None:
    """An aggregated stream needs a type in every request."""
    world.load({})
    async with envoy(server.address) as one:
        await one.ask("")
        assert (await one.end())[0] is Status.INVALID_ARGUMENT


@pytest.mark.parametrize("type_url", TYPED)
async def test_stream_of_one_type(server: XdsServer, world: World, type_url: str) -> None:
    """A stream of one type needs no type in its requests."""
    world.load({type_url: {"a": "rds a"}})
    async with connected(server.address) as channel, stream(channel, TYPED[type_url]) as one:
        await one.ask("", sub=["a"], node=NODE)
        assert await one.told() == Told(type_url, {"a": "rds a"})


async def test_stream_of_one_type_refuses_another(server: XdsServer, world: World) -> None:
    """A stream of clusters serves no listeners."""
    world.load({LDS: {"l": "1"}})
    async with connected(server.address) as channel, stream(channel, TYPED[CDS]) as one:
        await one.ask(LDS, node=NODE)
        assert (await one.end())[0] is Status.INVALID_ARGUMENT


async def test_bytes_that_are_no_request(server: XdsServer, world: World) -> None:
    """A message that does not parse ends its stream and leaves the others alone."""
    world.load({CDS: {"a": "1"}})
    async with connected(server.address) as channel, stream(channel) as one, stream(channel) as other:
        await one.send(b"\xff\xff\xff")
        assert (await one.end())[0] is Status.INVALID_ARGUMENT
        await other.ask(CDS, node=NODE)
        assert await other.told() == Told(CDS, {"a": "1"})


async def test_two_streams_of_one_node(server: XdsServer, world: World) -> None:
    """Streams of the same node have nothing in common; the end of one does not touch the other."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as second:
        async with envoy(server.address) as first:
            assert await first.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})
            assert await second.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})
        world.set({RDS: {"a": "2"}})
        assert await second.told() == Told(RDS, {"a": "2"})


async def test_nothing_before_everything_is_loaded(server: XdsServer, world: World) -> None:
    """Before the first whole state every request is held; then each is answered, also with nothing."""
    async with envoy(server.address) as one:
        await one.ask(LDS, irv={"gone": "1"})
        await one.ask(CDS)
        world.set({CDS: {"a": "1"}})
        world.load({CDS: {"a": "1"}})
        assert await one.told() == Told(CDS, {"a": "1"})
        assert await one.told() == Told(LDS, removed=("gone",))


# Subscriptions


async def test_name_asked_for_again_is_sent_again(server: XdsServer, world: World) -> None:
    """A known name that is subscribed again is answered with its body, unchanged as it is."""
    world.load({RDS: {"a": "1", "b": "1"}})
    async with envoy(server.address) as one:
        assert await one.gets(RDS, ["a", "b"]) == Told(RDS, {"a": "1", "b": "1"})
        assert await one.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})
        assert await one.is_told_nothing()


async def test_name_asked_for_again_with_an_ack(server: XdsServer, world: World) -> None:
    """The same where the subscription rides on an ACK."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, sub=["a"])
        assert await one.told() == Told(RDS, {"a": "1"})
        await one.ack(RDS, sub=["a"])
        assert await one.told() == Told(RDS, {"a": "1"})


INLINE = {LDS: {"l": "inline"}, RDS: {"r1": "1", "r2": "1"}}
REFERRING = {LDS: {"l": "rds r1,r2"}, RDS: {"r1": "1", "r2": "1"}}
RECOVERED = {LDS: {"l": "rds r1,r2"}, RDS: {"r1": "2", "r2": "1"}}


async def test_recovery_with_names_dropped_and_asked_for_again(server: XdsServer, world: World) -> None:
    """Both RouteConfigurations come back, though one has not changed: the names were dropped in between."""
    world.load(REFERRING)
    async with envoy(server.address) as one:
        await one.gets(LDS)
        await one.gets(RDS, ["r1", "r2"])
        world.set(INLINE)
        assert await one.told() == Told(LDS, {"l": "inline"})
        await one.ack(LDS)
        await one.ask(RDS, unsub=["r1", "r2"])
        assert await one.is_told_nothing()
        world.set(RECOVERED)
        assert await one.told() == Told(LDS, {"l": "rds r1,r2"})
        await one.ack(LDS)
        assert await one.gets(RDS, ["r1", "r2"]) == Told(RDS, {"r1": "2", "r2": "1"})


async def test_recovery_with_names_asked_for_again(server: XdsServer, world: World) -> None:
    """Both come back where the names are asked for again without having been dropped."""
    world.load(REFERRING)
    async with envoy(server.address) as one:
        await one.gets(LDS)
        await one.gets(RDS, ["r1", "r2"])
        world.set(INLINE)
        assert await one.told() == Told(LDS, {"l": "inline"})
        await one.ack(LDS)
        assert await one.is_told_nothing()
        world.set(RECOVERED)
        assert await one.told() == Told(LDS, {"l": "rds r1,r2"})
        await one.ack(LDS)
        assert await one.told() == Told(RDS, {"r1": "2", "r2": "1"})
        await one.ack(RDS)
        assert await one.gets(RDS, ["r1", "r2"]) == Told(RDS, {"r1": "2", "r2": "1"})


async def test_recovery_without_any_request(server: XdsServer, world: World) -> None:
    """Both come back where the client asks for nothing: what a changed Listener refers to follows it."""
    world.load(REFERRING)
    async with envoy(server.address) as one:
        await one.gets(LDS)
        await one.gets(RDS, ["r1", "r2"])
        world.set(INLINE)
        assert await one.told() == Told(LDS, {"l": "inline"})
        await one.ack(LDS)
        assert await one.is_told_nothing()
        world.set(RECOVERED)
        assert await one.told() == Told(LDS, {"l": "rds r1,r2"})
        assert await one.told() == Told(RDS, {"r1": "2", "r2": "1"})


async def test_name_dropped_and_asked_for_again(server: XdsServer, world: World) -> None:
    """A name that was unsubscribed and is subscribed again is sent again."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a"])
        await one.ask(RDS, unsub=["a"])
        assert await one.is_told_nothing()
        assert await one.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})


async def test_many_requests_at_once(server: XdsServer, world: World) -> None:
    """One request for each of 500 names is answered with each name once, in few responses."""
    names = [f"c{number:03}" for number in range(500)]
    world.load({EDS: dict.fromkeys(names, "1")})
    got: list[str] = []
    responses = 0
    async with envoy(server.address) as one:
        for name in names:
            await one.ask(EDS, [name])
        while len(got) < len(names):
            got += (await one.told()).resources
            responses += 1
        assert await one.is_told_nothing()
    assert sorted(got) == names
    assert responses < len(names)


# Reconnects


async def test_reconnect_unchanged(server: XdsServer, world: World) -> None:
    """What the client holds in the same version is not sent, until it is asked for once more."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a"])
    async with envoy(server.address) as again:
        await again.ask(RDS, ["a"], irv={"a": one.versions["a"]})
        assert await again.is_told_nothing()
        assert await again.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})


async def test_reconnect_changed(server: XdsServer, world: World) -> None:
    """What the client holds in another version, or not at all, is sent."""
    world.load({RDS: {"a": "1", "b": "2", "c": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a"])
        versions = {"a": one.versions["a"], "b": "old"}
    async with envoy(server.address) as again:
        assert await again.gets(RDS, ["a", "b", "c"], versions) == Told(RDS, {"b": "2", "c": "1"})


async def test_reconnect_gone(server: XdsServer, world: World) -> None:
    """What has gone is reported as removed, and sent when it comes back."""
    world.load({RDS: {}})
    async with envoy(server.address) as one:
        assert await one.gets(RDS, ["d"], {"d": "old"}) == Told(RDS, removed=("d",))
        world.set({RDS: {"d": "1"}})
        assert await one.told() == Told(RDS, {"d": "1"})


async def test_reconnect_no_longer_wanted(server: XdsServer, world: World) -> None:
    """What the client holds but does not ask for is reported as removed."""
    world.load({RDS: {"a": "1", "e": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a", "e"])
    async with envoy(server.address) as again:
        assert await again.gets(RDS, ["a"], one.versions) == Told(RDS, removed=("e",))


async def test_reconnect_wildcard(server: XdsServer, world: World) -> None:
    """A wildcard is answered with what is new, changed or gone."""
    world.load({CDS: {"a": "1", "c": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
    async with envoy(server.address) as again:
        versions = {"a": one.versions["a"], "b": "old"}
        assert await again.gets(CDS, irv=versions) == Told(CDS, {"c": "1"}, removed=("b",))


async def test_reconnect_wildcard_unchanged(server: XdsServer, world: World) -> None:
    """A wildcard is answered once, also with nothing."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
    async with envoy(server.address) as again:
        assert await again.gets(CDS, irv=one.versions) == Told(CDS)
        assert await again.is_told_nothing()


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


async def test_nonces_differ(server: XdsServer, world: World) -> None:
    """Every response of a stream has a nonce of its own, whatever its type and content."""
    world.load({CDS: {"a": "1"}, RDS: {"a": "1"}})
    nonces = set()
    async with envoy(server.address) as one:
        for _ in range(100):
            nonces |= {(await one.gets(type_url, ["a"])).nonce for type_url in (CDS, RDS)}
    assert len(nonces) == 200
    assert "" not in nonces


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
        (client,) = await server.clients.describe()
        acked = {status["type"]: (status["sent"], status["acked"]) for status in client["types"]}  # type: ignore[attr-defined]
    assert acked["cluster"] == (1, 1)
    assert acked["listener"] == (1, 0)


async def test_ack_is_not_answered(server: XdsServer, world: World) -> None:
    """An ACK is met with silence."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
        assert await one.is_told_nothing()


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


async def test_nack_with_a_subscription(server: XdsServer, world: World) -> None:
    """Names that ride on a NACK are answered."""
    world.load({RDS: {"a": "bad", "b": "1"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["a"])
        await one.told()
        await one.nack(RDS, "no such thing", sub=["b"])
        assert await one.told() == Told(RDS, {"b": "1"})


async def test_request_with_a_strange_nonce(server: XdsServer, world: World) -> None:
    """A nonce that nobody gave makes no ACK, and no refusal either."""
    world.load({RDS: {"c": "1"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["c"], nonce="999")
        assert await one.told() == Told(RDS, {"c": "1"})


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


async def test_control_plane_is_named(server: XdsServer, world: World) -> None:
    """Every response says who sends it."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.ask(CDS)
        assert (await one.told()).control_plane.startswith("egxds/")


async def test_fallback_to_the_only_gateway(server: XdsServer, world: World) -> None:
    """A node that selects nothing gets the one Gateway that exists."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address, node={"id": "n", "cluster": "elsewhere"}) as one:
        assert await one.gets(CDS) == Told(CDS, {"a": "1"})
        (client,) = await server.clients.describe()
    assert client["fallback"] is True
    assert client["gateways"] == ["default/web"]
