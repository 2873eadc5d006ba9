"""How far each Envoy is with what was made from an object, told by the streams themselves."""

from __future__ import annotations

import pytest

from egxds.inspect.description import envoys_of, resources_of
from egxds.object_key import ObjectKey
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import envoy
from tests.wire.world import CDS, GATEWAY, RDS, World

pytestmark = pytest.mark.anyio

KEY = ObjectKey("", "Made", "", "r")


async def test_in_sync_behind_and_refused(server: XdsServer, world: World) -> None:
    """What is acknowledged, what is not yet, and what is refused, in the Envoy's words; of no other object."""
    world.load({CDS: {"a": "1"}, RDS: {"r": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
        await one.ask(RDS, ["r"])
        await one.told()
        assert told(server, world) == [(0, 1, ["r"], [])]
        await one.ack(RDS)
        assert await one.is_told_nothing()
        assert told(server, world) == [(1, 1, [], [])]
        world.set({CDS: {"a": "1"}, RDS: {"r": "bad"}})
        await one.told()
        await one.nack(RDS, "no such thing")
        assert await one.is_told_nothing()
        assert told(server, world) == [(0, 1, [], ["no such thing"])]


def told(server: XdsServer, world: World) -> list[tuple[int, int, list[str], list[str]]]:
    """Return of each Envoy how many it has, of how many, with what it is behind, and what it says to the refused."""
    view = world.store.view(GATEWAY)
    assert view is not None
    made = resources_of(KEY, {GATEWAY: view.snapshot})
    return [
        (
            each["inSync"],
            each["of"],
            [one["name"] for one in each["behind"]],
            [one["error"] for one in each["refused"]],
        )
        for each in envoys_of(made, server.clients.all())
    ]
