"""Strangers who begin a TLS handshake and do not end it: their connection is closed, and an Envoy beside is served."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from egxds.settings.daemon import XdsSettings
from egxds.telemetry import Metrics
from egxds.wire.grpc import arrivals
from egxds.wire.grpc.server import XdsServer
from tests.envoy.certificates import Authority
from tests.wire.test_server import client_context, is_served, write
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)
"""The beginning of one."""


@pytest.mark.parametrize("said", [b"", CLIENT_HELLO], ids=["nothing", "the beginning of one"])
async def test_handshake_that_never_ends(
    world: World, metrics: Metrics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """However it is kept waiting, the server goes first."""
    monkeypatch.setattr(arrivals, "HANDSHAKE_S", 1.0)
    authority = Authority()
    tls = write(tmp_path, authority.issue("localhost"), authority)
    server = XdsServer(XdsSettings(address="127.0.0.1:0", tls=tls), world.stores, world.status, metrics)
    await server.start()
    world.load({CDS: {"a": "1"}})
    host, _, port = server.address.rpartition(":")
    async with await anyio.connect_tcp(host, int(port)) as stranger:
        if said:
            await stranger.send(said)
        assert await is_served(server, client_context(authority, tmp_path))
        with anyio.fail_after(20), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stranger.receive()
    await server.drain(5)
