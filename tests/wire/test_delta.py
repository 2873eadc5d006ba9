"""Delta discovery on a real socket: the request envelope and subscriptions."""

from __future__ import annotations

import pytest
from envoy.service.discovery.v3 import discovery_pb2
from grpclib.const import Status

from egxds.resources.encoding import class_of
from egxds.wire.grpc.server import XdsServer
from egxds.wire.xds.ads import TYPED
from tests.wire.client import NODE, Told, connected, envoy, stream
from tests.wire.world import CDS, EDS, LDS, RDS, World, described

pytestmark = pytest.mark.anyio

OTHER_NODE = {"id": "n2", "cluster": "default/other"}


# The request envelope


@pytest.mark.rule(1)
async def test_node_only_in_the_first_request(server: XdsServer, world: World) -> None:
    """The node of the first request counts for all that follow."""
    world.load({CDS: {"a": "1"}, LDS: {"l": "1"}})
    async with connected(server.address) as channel, stream(channel) as one:
        await one.ask(LDS, node=NODE)
        assert await one.told() == Told(LDS, {"l": "1"})
        await one.ask(CDS)
        assert await one.told() == Told(CDS, {"a": "1"})


@pytest.mark.rule(1)
async def test_node_in_every_request(server: XdsServer, world: World) -> None:
    """A client that repeats its node is served as one that does not."""
    world.load({CDS: {"a": "1"}, LDS: {"l": "1"}})
    async with envoy(server.address) as one:
        await one.ask(LDS, node=NODE)
        assert await one.told() == Told(LDS, {"l": "1"})
        await one.ask(CDS, node=NODE)
        assert await one.told() == Told(CDS, {"a": "1"})


@pytest.mark.rule(2)
async def test_stream_stays_with_its_node(server: XdsServer, world: World) -> None:
    """Another node in a later request does not change what the stream is served."""
    world.load({CDS: {"a": "1"}, LDS: {"l": "1"}})
    world.set({LDS: {"other": "1"}}, gateway="default/other")
    async with envoy(server.address) as one:
        await one.ask(CDS)
        assert await one.told() == Told(CDS, {"a": "1"})
        await one.ask(LDS, node=OTHER_NODE)
        assert await one.told() == Told(LDS, {"l": "1"})


@pytest.mark.rule(3)
@pytest.mark.parametrize("node", [None, {"id": "", "cluster": "default/web"}])
async def test_no_node(server: XdsServer, world: World, node: dict[str, str] | None) -> None:
    """A first request without a node, or without its id, ends the stream."""
    world.load({CDS: {"a": "1"}})
    async with connected(server.address) as channel, stream(channel) as one:
        await one.ask(CDS, node=node)
        assert (await one.end())[0] is Status.INVALID_ARGUMENT


@pytest.mark.rule(4)
async def test_no_type_url(server: XdsServer, world: World) -> None:
    """An aggregated stream needs a type in every request."""
    world.load({})
    async with envoy(server.address) as one:
        await one.ask("")
        assert (await one.end())[0] is Status.INVALID_ARGUMENT


@pytest.mark.rule(5, 116)
@pytest.mark.parametrize("type_url", TYPED)
async def test_stream_of_one_type(server: XdsServer, world: World, type_url: str) -> None:
    """A stream of one type needs no type in its requests."""
    world.load({type_url: {"a": "rds a"}})
    async with connected(server.address) as channel, stream(channel, TYPED[type_url]) as one:
        await one.ask("", sub=["a"], node=NODE)
        assert await one.told() == Told(type_url, {"a": "rds a"})


@pytest.mark.rule(5)
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


@pytest.mark.rule(10, 64)
async def test_two_streams_of_one_node(server: XdsServer, world: World) -> None:
    """Streams of the same node have nothing in common; the end of one does not touch the other."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as second:
        async with envoy(server.address) as first:
            assert await first.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})
            assert await second.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})
        world.set({RDS: {"a": "2"}})
        assert await second.told() == Told(RDS, {"a": "2"})


@pytest.mark.rule(11, 47)
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


@pytest.mark.rule(31)
async def test_name_asked_for_again_is_sent_again(server: XdsServer, world: World) -> None:
    """A known name that is subscribed again is answered with its body, unchanged as it is."""
    world.load({RDS: {"a": "1", "b": "1"}})
    async with envoy(server.address) as one:
        assert await one.gets(RDS, ["a", "b"]) == Told(RDS, {"a": "1", "b": "1"})
        assert await one.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})
        assert await one.is_told_nothing()


@pytest.mark.rule(32)
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


@pytest.mark.rule(33)
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


@pytest.mark.rule(33)
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


@pytest.mark.rule(33, 84)
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


@pytest.mark.rule(34)
async def test_name_dropped_and_asked_for_again(server: XdsServer, world: World) -> None:
    """A name that was unsubscribed and is subscribed again is sent again."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a"])
        await one.ask(RDS, unsub=["a"])
        assert await one.is_told_nothing()
        assert await one.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})


@pytest.mark.rule(40)
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


@pytest.mark.rule(41)
async def test_locators_are_passed_over(server: XdsServer, world: World) -> None:
    """A request may carry resource locators, which nobody implements; the rest of it counts."""
    world.load({RDS: {"a": "1"}})
    request = discovery_pb2.DeltaDiscoveryRequest(
        node=NODE,
        type_url=RDS,
        resource_names_subscribe=["a"],
        resource_locators_subscribe=[{"name": "a", "dynamic_parameters": {"env": "prod"}}],
        resource_locators_unsubscribe=[{"name": "a"}],
    )
    async with connected(server.address) as channel, stream(channel) as one:
        await one.send(request.SerializeToString())
        assert await one.told() == Told(RDS, {"a": "1"})


@pytest.mark.rule(91, 92, 94, 96)
@pytest.mark.parametrize(("type_url", "own_name"), [(CDS, "name"), (EDS, "cluster_name"), (LDS, "name"), (RDS, "name")])
async def test_resource_is_whole(server: XdsServer, world: World, type_url: str, own_name: str) -> None:
    """Its type is that of the response, its name that of its message; it has a version, and a body."""
    world.load({type_url: {"a": "rds a"}})
    async with envoy(server.address) as one:
        await one.ask(type_url, ["a"])
        response = await one.receive()
    assert response.control_plane.identifier
    (resource,) = response.resources
    assert resource.resource.type_url == response.type_url == type_url
    assert resource.version
    message_class = class_of(type_url)
    assert message_class is not None
    body = message_class.FromString(resource.resource.value)
    assert getattr(body, own_name) == resource.name == "a"


@pytest.mark.rule(94)
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
        (client,) = described(server.clients)
    assert client["fallback"] is True
    assert client["gateways"] == ["default/web"]
