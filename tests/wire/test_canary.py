"""Envoys that are served a candidate before all others are, on a real socket."""

from __future__ import annotations

import pytest

from egxds.inspect.objects import ObjectFilter, ObjectsPage, Window
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from egxds.wire.xds.newcomers import Doubt
from tests.wire.browser import Admin
from tests.wire.client import NODE, Envoy, Told, envoy
from tests.wire.test_clients_command import invoke, run
from tests.wire.world import CDS, LDS, RDS, World, publish

pytestmark = pytest.mark.anyio

CANARY = "n1"
OTHER = {**NODE, "id": "n2"}
HEAD = {CDS: {"a": "1", "b": "1", "gone": "1"}, RDS: {"r": "1", "s": "1"}}
CANDIDATE = {CDS: {"a": "1", "b": "2", "new": "1"}, RDS: {"r": "2", "s": "1"}}


async def gets_all(one: Envoy, cds: dict[str, str], rds: dict[str, str]) -> None:
    """Ask for everything, and take it."""
    assert await one.gets(CDS) == Told(CDS, cds)
    assert await one.gets(RDS, ["r", "s"]) == Told(RDS, rds)
    assert await one.is_told_nothing()


async def takes(one: Envoy, *expected: Told) -> None:
    """Take these responses, and be sure that there are no others."""
    for told in expected:
        assert await one.told() == told
        await one.ack(told.type_url)
    assert await one.is_told_nothing()


async def test_a_canary_is_told_what_is_other_and_nobody_else_is(server: XdsServer, world: World) -> None:
    """There and back: what is the same is not sent again, and what is not there goes."""
    world.load(HEAD)
    async with envoy(server.address) as canary, envoy(server.address, node=OTHER) as other:
        for one in (canary, other):
            await gets_all(one, HEAD[CDS], HEAD[RDS])
        world.serve_first(CANDIDATE, CANARY, "never-there")
        routes = Told(RDS, {"r": "2"})
        await takes(canary, Told(CDS, {"b": "2", "new": "1"}), routes, Told(CDS, removed=("gone",)))
        assert await other.is_told_nothing()
        world.stores.withdraw()
        await takes(canary, Told(CDS, {"b": "1", "gone": "1"}), Told(RDS, {"r": "1"}), Told(CDS, removed=("new",)))
        assert await other.is_told_nothing()


async def test_what_is_published_reaches_who_is_served_it(server: XdsServer, world: World) -> None:
    """The head is for all others, the candidate for its nodes."""
    world.load({RDS: {"r": "1"}})
    async with envoy(server.address) as canary, envoy(server.address, node=OTHER) as other:
        await canary.gets(RDS, ["r"])
        await other.gets(RDS, ["r"])
        candidate = world.serve_first({RDS: {"r": "2"}}, CANARY)
        await takes(canary, Told(RDS, {"r": "2"}))
        world.set({RDS: {"r": "head"}})
        await takes(other, Told(RDS, {"r": "head"}))
        assert await canary.is_told_nothing()
        publish(candidate, {RDS: {"r": "3"}})
        await takes(canary, Told(RDS, {"r": "3"}))
        assert await other.is_told_nothing()


async def test_who_connects_while_a_candidate_is_served_has_it_at_once(server: XdsServer, world: World) -> None:
    """It is not told what it had to give up a moment later."""
    world.load(HEAD)
    world.serve_first(CANDIDATE, CANARY)
    async with envoy(server.address) as canary, envoy(server.address, node=OTHER) as other:
        await gets_all(canary, CANDIDATE[CDS], CANDIDATE[RDS])
        await gets_all(other, HEAD[CDS], HEAD[RDS])


async def test_a_candidate_that_is_promoted_sends_its_nodes_nothing(server: XdsServer, world: World) -> None:
    """The head says what they have; everybody else is told."""
    world.load(HEAD)
    async with envoy(server.address) as canary, envoy(server.address, node=OTHER) as other:
        await gets_all(other, HEAD[CDS], HEAD[RDS])
        world.serve_first(CANDIDATE, CANARY)
        await gets_all(canary, CANDIDATE[CDS], CANDIDATE[RDS])
        world.set(CANDIDATE)
        world.stores.withdraw()
        assert await canary.is_told_nothing()
        await takes(other, Told(CDS, {"b": "2", "new": "1"}), Told(RDS, {"r": "2"}), Told(CDS, removed=("gone",)))
        world.set({CDS: CANDIDATE[CDS], RDS: {"r": "3", "s": "1"}})
        await takes(canary, Told(RDS, {"r": "3"}))


async def test_a_candidate_is_served_whole_or_not_at_all(server: XdsServer, world: World) -> None:
    """Somebody who is served one candidate is served the next one in its place, and has no look at the head."""
    world.load({RDS: {"r": "1", "s": "1"}})
    async with envoy(server.address) as canary:
        await canary.gets(RDS, ["r", "s"])
        world.serve_first({RDS: {"r": "2", "s": "1"}}, CANARY)
        await takes(canary, Told(RDS, {"r": "2"}))
        world.stores.withdraw()
        world.serve_first({RDS: {"r": "2", "s": "2"}}, CANARY)
        await takes(canary, Told(RDS, {"s": "2"}))
        world.serve_first({RDS: {"r": "9", "s": "9"}}, "n2")
        await takes(canary, Told(RDS, {"r": "1", "s": "1"}))


async def test_a_gateway_that_the_candidate_has_not_is_gone_on_purpose(server: XdsServer, world: World) -> None:
    """And one that only the candidate has goes with it."""
    world.set({RDS: {"x": "1"}}, "default/one")
    world.set({RDS: {"x": "1"}}, "default/two")
    world.load({RDS: {"r": "1"}})
    new = {"id": "new", "cluster": "default/new"}
    async with envoy(server.address) as canary, envoy(server.address, node=new) as one:
        await canary.gets(RDS, ["r"])
        await one.ask(RDS, ["r"])
        world.serve_first({RDS: {"r": "1"}}, CANARY, "new", gateway="default/new")
        await takes(canary, Told(RDS, removed=("r",)))
        await takes(one, Told(RDS, {"r": "1"}))
        world.stores.withdraw()
        await takes(canary, Told(RDS, {"r": "1"}))
        await takes(one, Told(RDS, removed=("r",)))


async def test_who_has_the_candidate_from_elsewhere_waits_for_it(server: XdsServer, world: World) -> None:
    """It is not taken back to the head in between; whoever has nothing, or is no canary, is served."""
    world.load(HEAD)
    world.serve_first(CANDIDATE, CANARY)
    async with envoy(server.address) as elsewhere:
        await gets_all(elsewhere, CANDIDATE[CDS], CANDIDATE[RDS])
    world.stores.withdraw()
    world.stores.expect([CANARY])
    async with envoy(server.address) as back, envoy(server.address, node=OTHER) as other:
        had = {name: elsewhere.versions[name] for name in CANDIDATE[CDS]}
        await back.ask(CDS, irv=had)
        assert await other.gets(CDS, irv=had) == Told(CDS, {"b": "1", "gone": "1"}, ("new",))
        async with envoy(server.address) as fresh:
            assert await fresh.gets(CDS) == Told(CDS, HEAD[CDS])
        world.serve_first(CANDIDATE, CANARY)
        # Its question is answered: there is nothing beside what it has.
        await takes(back, Told(CDS))


async def test_where_the_candidate_is_gone_it_is_the_head_for_everybody(server: XdsServer, world: World) -> None:
    """Somebody took it back on purpose; who waits for it waits no more."""
    world.load({RDS: {"r": "1"}})
    world.stores.expect([CANARY])
    async with envoy(server.address) as canary:
        await canary.ask(RDS, ["r"], irv={"r": "of the candidate"})
        world.stores.withdraw()
        await takes(canary, Told(RDS, {"r": "1"}))


async def test_a_replica_that_is_cut_off_sends_canaries_on_like_anybody(server: XdsServer, world: World) -> None:
    """Of what is not known at all a candidate is a part."""
    world.load({RDS: {"r": "1"}})
    server.newcomers.go_by(lambda: Doubt.CUT_OFF, lambda: True)
    world.stores.expect([CANARY])
    async with envoy(server.address) as canary:
        await canary.ask(RDS, ["r"], irv={"r": "of the candidate"})
        _status, message = await canary.end()
    assert message.startswith("another replica may have something newer")


async def test_people_see_who_is_a_canary(server: XdsServer, world: World, admin: Admin, running: AdminServer) -> None:
    """What it is served, and what it refuses of that; where there is none, nothing is said of canaries."""
    world.load({LDS: {"l": "1"}, RDS: {"r": "1"}})
    async with envoy(server.address) as canary, envoy(server.address, node=OTHER) as other:
        await canary.gets(RDS, ["r"])
        await other.gets(RDS, ["r"])
        assert await canary.is_told_nothing()
        assert "SERVED" not in (await run("--admin", running.address)).stdout
        world.serve_first({RDS: {"r": "2"}}, CANARY)
        assert await canary.told() == Told(RDS, {"r": "2"})
        await canary.nack(RDS, "no such thing")
        assert await canary.is_told_nothing()
        found = {item["id"]: item["canary"] for item in (await admin.get("/api/v1/clients")).json["items"]}
        assert found == {"n1": True, "n2": False}
        printed = (await run("--admin", running.address)).stdout.splitlines()
        assert "SERVED" in printed[0]
        assert [line.split()[2] for line in printed if line.startswith("n")][:2] == ["candidate", "head"]
        ready = (await admin.get("/readyz")).body.decode()
        assert "Envoy 'n1' (canary) refuses route r: no such thing" in ready
        overview = (await admin.get("/api/v1/status")).json
        assert [each["text"] for each in overview["envoys"]] == ["Envoy n1 (canary)", "Envoy n2"]


async def test_what_a_node_is_served_is_shown_by_its_id(server: XdsServer, world: World, admin: Admin) -> None:
    """By nothing else: what Envoys in general are served is the head."""
    world.load({RDS: {"r": "1"}})
    world.serve_first({RDS: {"r": "2", "s": "1"}}, CANARY)

    async def dumped(query: str) -> dict[str, str]:
        items = (await admin.get(f"/api/v1/config_dump{query}")).json["items"]
        assert {item["gateway"] for item in items} == {"default/web"}
        return {item["name"]: item["body"]["internal_only_headers"][0] for item in items}

    async with envoy(server.address) as canary, envoy(server.address, node=OTHER) as other:
        await canary.gets(RDS, ["r"])
        await other.gets(RDS, ["r"])
        assert await dumped("?node=n1") == {"r": "2", "s": "1"}
        assert await dumped("?node=n2&type=route") == await dumped("") == {"r": "1"}
        assert (await admin.get("/api/v1/config_dump?node=n3")).status == 404
        assert (await admin.get("/api/v1/config_dump?node=n1&gateway=default/web")).status == 400


async def test_each_is_as_far_as_it_is_with_its_own(
    server: XdsServer, world: World, admin: Admin, running: AdminServer
) -> None:
    """A canary that has all of the candidate is not behind with what the head has made from an object."""
    world.load({RDS: {"r": "1"}})
    world.serve_first({RDS: {"r": "2"}}, CANARY)

    async def page(_wanted: ObjectFilter, _window: Window) -> ObjectsPage:
        metadata = {"namespace": "", "name": "r", "generation": 1}
        named: dict[str, object] = {"apiVersion": "v1", "kind": "Made", "metadata": metadata}
        item = {**named, "source": {"file": "r.yaml", "line": 1}, "status": {}, "problems": []}
        return ObjectsPage((item,), kinds=frozenset({"Made"}))

    world.status.set_objects(page)
    async with envoy(server.address) as canary, envoy(server.address, node=OTHER) as other:
        for one in (canary, other):
            await one.gets(RDS, ["r"])
            assert await one.is_told_nothing()
        described = (await admin.get("/api/v1/describe", kind="Made", name="r")).json
        printed = await invoke("describe", "made/r", "--admin", running.address)
    found = {each["id"]: (each["canary"], each["inSync"], each["of"], each["behind"]) for each in described["envoys"]}
    assert found == {"n1": (True, 1, 1, []), "n2": (False, 1, 1, [])}
    assert "n1 #1 (canary): has 1 of 1" in printed.stdout
    assert "n2 #2: has 1 of 1" in printed.stdout
