"""Clients that are not let in, or not to what they ask for: each is told why, counted, and said once in a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from structlog.testing import capture_logs

from egxds.errors import StartError
from egxds.settings.daemon import AdminSettings, XdsSettings
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc import arrivals
from egxds.wire.grpc.server import XdsServer
from tests.envoy.certificates import Authority, Pair
from tests.wire.client import Envoy, Told, connected, envoy, stream
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

EDGE = "spiffe://example.org/edge-1"
CSDS = "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus"
HEALTH = "/grpc.health.v1.Health/Check"
RULES = [
    {"san": EDGE, "nodes": ["edge-1"], "gateways": ["default/web"]},
    {"san": "spiffe://example.org/ops", "nodes": ["ops"], "clientStatus": True},
]
Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    """The lines of the log."""
    with capture_logs() as captured:
        yield captured


class Site:
    """A server with mutual TLS, and who signs for it."""

    def __init__(self, world: World, metrics: Metrics, directory: Path) -> None:
        self._world = world
        self._metrics = metrics
        self._directory = directory
        self._server: XdsServer | None = None
        self.authority = Authority()

    async def start(self, **xds: Any) -> None:
        """Start the server."""
        self.write(self.authority.issue("localhost"), self.authority.cert)
        files = {"certFile": "tls.crt", "keyFile": "tls.key", "clientCAFile": "ca.crt"}
        settings = XdsSettings.model_validate({"address": "127.0.0.1:0", "tls": files, **xds}).below(self._directory)
        self._world.load({CDS: {"a": "1"}})
        self._server = XdsServer(settings, self._world.stores, self._world.status, self._metrics)
        await self._server.start()

    async def stop(self) -> None:
        """End it."""
        if self._server is not None:
            await self._server.drain(5)

    @property
    def address(self) -> str:
        """Where it is, by the name in its certificate."""
        assert self._server is not None
        return self._server.address.replace("127.0.0.1", "localhost")

    def write(self, pair: Pair | None = None, ca: str = "") -> None:
        """Write what the server shows, and whom it trusts."""
        texts = {"tls.crt": pair.cert if pair else "", "tls.key": pair.key if pair else "", "ca.crt": ca}
        for name, text in texts.items():
            if text:
                (self._directory / name).write_text(text)

    def context(self, pair: Pair | None, ca: str | None = None) -> ssl.SSLContext:
        """What a client shows, and whom it trusts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=ca or self.authority.cert)
        context.set_alpn_protocols(["h2"])
        if pair is not None:
            (self._directory / "client.pem").write_text(pair.cert + pair.key)
            context.load_cert_chain(self._directory / "client.pem")
        return context

    def refused(self) -> dict[str, float]:
        """How many were refused, by reason."""
        samples = next(iter(self._metrics.xds_refused_total.collect())).samples
        return {sample.labels["reason"]: sample.value for sample in samples if sample.value}

    def readings(self, result: str) -> float:
        """How often certificates were read again."""
        name = "egxds_xds_certificate_readings_total"
        return self._metrics.registry.get_sample_value(name, {"result": result}) or 0.0


@pytest.fixture
async def site(world: World, metrics: Metrics, tmp_path: Path) -> AsyncIterator[Site]:
    """A server that is not started yet."""
    made = Site(world, metrics, tmp_path)
    yield made
    await made.stop()


async def end_of(address: str, context: ssl.SSLContext, node: dict[str, str]) -> tuple[Status, str]:
    """How the server ends a stream on which a node asks for clusters; OK where it answers instead."""
    async with connected(address, context) as channel, stream(channel) as one:
        await one.ask(CDS, ["a"], node=node)
        try:
            return (Status.OK, "") if await one.told() == Told(CDS, {"a": "1"}) else (Status.UNKNOWN, "")
        except (GRPCError, StreamTerminatedError):
            return await one.end()


async def is_served(one: Envoy) -> bool:
    """Whether a stream that is open gets what it asks for."""
    return await one.gets(CDS, ["a"]) == Told(CDS, {"a": "1"})


async def cannot_connect(site: Site, pair: Pair | None) -> bool:
    """Whether a client does not come as far as a stream."""
    try:
        async with envoy(site.address, tls=site.context(pair)) as one:
            await one.told()
    except (OSError, StreamTerminatedError):
        return True
    return False


NODES = [
    pytest.param(EDGE, {"id": "edge-1", "cluster": "default/web"}, "", [], id="its own"),
    pytest.param(EDGE, {"id": "edge-2", "cluster": "default/web"}, "node", [EDGE, "'edge-2'"], id="another's node id"),
    pytest.param(
        EDGE, {"id": "edge-1", "cluster": "default/other"}, "gateway", [EDGE, "'default/other'"], id="another's Gateway"
    ),
    pytest.param(EDGE, {"id": "edge-1", "cluster": "eg"}, "gateway", [EDGE, "'eg'"], id="a whole class"),
    pytest.param(
        "spiffe://example.org/x" + "y" * 300,
        {"id": "z" * 5000, "cluster": "default/web"},
        "san",
        ["spiffe://example.org/xy"],
        id="no rule",
    ),
]


@pytest.mark.parametrize(("name", "node", "reason", "words"), NODES)
async def test_node(site: Site, logs: Logs, name: str, node: dict[str, str], reason: str, words: list[str]) -> None:
    """A certificate of the right authority is served what its rule says; the stream of any other is ended with why."""
    await site.start(allow=RULES)
    context = site.context(site.authority.issue("edge", name))
    for _ in range(3):
        status, message = await end_of(site.address, context, node)
        assert status is (Status.PERMISSION_DENIED if reason else Status.OK)
        assert [word for word in words if word not in message] == []
        assert len(message) < 1000
    assert site.refused() == ({reason: 3} if reason else {})
    lines = [line for line in logs if line["event"] == "wire.client_refused"]
    assert [(line["reason"], line["log_level"]) for line in lines] == ([(reason, "warning")] if reason else [])


async def test_refused_client_is_no_envoy(site: Site, world: World) -> None:
    """Who is refused is never known as connected, nor as lost."""
    await site.start(allow=RULES)
    context = site.context(site.authority.issue(EDGE))
    await end_of(site.address, context, {"id": "edge-2", "cluster": "default/web"})
    assert world.status.envoys.connected == 0
    assert world.status.envoys.lost_count(0.0) == 0


@pytest.mark.parametrize(("name", "is_shown"), [(EDGE, False), ("spiffe://example.org/ops", True)])
async def test_client_status(site: Site, name: str, is_shown: bool) -> None:
    """What others have is shown by a rule that says so; the health is anybody's who has a certificate."""
    await site.start(allow=RULES)
    async with connected(site.address, site.context(site.authority.issue(name))) as channel:
        async with stream(channel, CSDS) as one:
            await one.send(b"")
            await one.hang_up()
            status, _ = await one.end()
        assert status is (Status.OK if is_shown else Status.PERMISSION_DENIED)
        async with stream(channel, HEALTH) as probe:
            await probe.send(b"")
            await probe.hang_up()
            assert (await probe.end())[0] is Status.OK
    assert site.refused() == ({} if is_shown else {"client_status": 1})


HANDSHAKES: list[Any] = [
    pytest.param(lambda _: Authority("Another").issue(EDGE), "untrusted", id="a stranger's"),
    pytest.param(lambda own: own.issue(EDGE, days_left=-1), "expired", id="expired"),
    pytest.param(lambda _: None, "no_certificate", id="none"),
]


@pytest.mark.parametrize(("show", "reason"), HANDSHAKES)
async def test_certificate(site: Site, logs: Logs, show: Callable[[Authority], Pair | None], reason: str) -> None:
    """A client whose certificate is not trusted does not come as far as a stream, and it is known why."""
    await site.start()
    assert await cannot_connect(site, show(site.authority))
    with anyio.fail_after(20):
        while not site.refused():
            await anyio.wait_all_tasks_blocked()
    assert site.refused() == {reason: 1}
    (line,) = [line for line in logs if line["event"] == "wire.client_refused"]
    assert (line["reason"], line["peer"]) == (reason, "127.0.0.1")


async def test_old_version(site: Site) -> None:
    """TLS 1.2 is not spoken, unless the settings say so."""
    await site.start()
    context = site.context(site.authority.issue(EDGE))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError, match=r"^"):
        await end_of(site.address, context, {"id": "edge-1", "cluster": "default/web"})
    assert site.refused() == {"handshake": 1}
    await site.stop()
    files = {"certFile": "tls.crt", "keyFile": "tls.key", "clientCAFile": "ca.crt", "minVersion": 1.2}
    await site.start(tls=files)
    assert (await end_of(site.address, context, {"id": "edge-1", "cluster": "default/web"}))[0] is Status.OK


# Renewed


async def test_renewed_without_being_told(site: Site) -> None:
    """The next handshake has the new certificate and the new authorities; the streams of before stay."""
    await site.start()
    old = site.context(site.authority.issue(EDGE))
    async with envoy(site.address, tls=old) as first:
        assert await is_served(first)
        new = Authority("New CA")
        site.write(new.issue("localhost"), site.authority.cert + new.cert)
        for pair in (site.authority.issue(EDGE), new.issue(EDGE)):
            async with envoy(site.address, tls=site.context(pair, new.cert)) as one:
                assert await is_served(one)
        site.write(ca=new.cert)
        assert await cannot_connect(site, site.authority.issue(EDGE))
        await first.ask(CDS, ["none"])
        assert await first.told() == Told(CDS, removed=("none",))
    assert site.readings("accepted") == 2


async def test_half_a_pair(site: Site, logs: Logs) -> None:
    """A certificate whose key is still to come changes nothing, is said once, and is taken as soon as it is whole."""
    await site.start()
    context = site.context(site.authority.issue(EDGE))
    renewed = site.authority.issue("localhost")
    site.write(Pair(renewed.cert, ""))
    for _ in range(3):
        async with envoy(site.address, tls=context) as one:
            assert await is_served(one)
    assert site.readings("refused") == 1
    (line,) = [line for line in logs if line["event"] == "wire.certificates_kept"]
    assert "xds.tls.certFile" in line["error"]
    site.write(renewed)
    async with envoy(site.address, tls=context) as one:
        assert await is_served(one)
    assert site.readings("accepted") == 1


async def test_authorities_with_a_list_of_revoked_certificates(site: Site) -> None:
    """Nobody would look at it: it is refused, since whom it locks out would get in."""
    crl = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"
    await site.start()
    site.write(ca=site.authority.cert + crl)
    await cannot_connect(site, None)
    assert site.readings("refused") == 1


# Limits


async def test_handshakes_count_as_connections(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who begins handshakes and does not end them takes no more than there is, and for no longer than is allowed."""
    await site.start(limits={"connections": 3})
    monkeypatch.setattr(arrivals, "HANDSHAKE_S", 600.0)
    host, _, port = site.address.rpartition(":")
    silent = [await anyio.connect_tcp(host, int(port)) for _ in range(3)]
    context = site.context(site.authority.issue(EDGE))
    with anyio.fail_after(20):
        while not await cannot_connect(site, site.authority.issue(EDGE)):
            await anyio.wait_all_tasks_blocked()
    for one in silent:
        await one.aclose()
    with anyio.fail_after(20):
        while True:
            try:
                async with envoy(site.address, tls=context) as last:
                    assert await is_served(last)
                    break
            except (OSError, StreamTerminatedError):
                await asyncio.sleep(0)


# Unix sockets


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_user_of_a_unix_socket(
    world: World, metrics: Metrics, tmp_path: Path, logs: Logs, is_allowed: bool
) -> None:
    """The system says who is at the other end; who is not listed is refused, whatever the mode lets in."""
    world.load({CDS: {"a": "1"}})
    user = os.getuid() if is_allowed else os.getuid() + 1
    settings = {"address": f"unix:{tmp_path}/xds.sock", "socket": {"mode": "0666", "allowUsers": [user]}}
    server = XdsServer(XdsSettings.model_validate(settings), world.stores, world.status, metrics)
    await server.start()
    assert (tmp_path / "xds.sock").stat().st_mode & 0o777 == 0o666
    async with await anyio.connect_unix(tmp_path / "xds.sock") as client:
        with anyio.fail_after(20):
            try:
                is_greeted = bool(await client.receive())
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                is_greeted = False
    assert is_greeted is is_allowed
    assert metrics.xds_refused_total.labels(reason="user")._value.get() == (0 if is_allowed else 1)
    lines = [line["detail"] for line in logs if line["event"] == "wire.client_refused"]
    assert lines == ([] if is_allowed else [f"user {os.getuid()}"])
    await server.drain(5)


async def test_group_of_a_unix_socket(world: World, metrics: Metrics, tmp_path: Path) -> None:
    """It belongs to the group that the settings name, so that an Envoy of another user can join it."""
    group = max({os.getgid(), *os.getgroups()})
    settings = {"address": f"unix:{tmp_path}/xds.sock", "socket": {"group": group}}
    server = XdsServer(XdsSettings.model_validate(settings), world.stores, world.status, metrics)
    await server.start()
    found = (tmp_path / "xds.sock").stat()
    assert (found.st_gid, found.st_mode & 0o777) == (group, 0o660)
    await server.drain(5)


@pytest.mark.parametrize(
    ("access", "setting"),
    [({"group": "no-such-group"}, "xds.socket.group"), ({"allowUsers": ["no-such-user"]}, "xds.socket.allowUsers")],
)
async def test_name_that_the_machine_does_not_know(
    world: World, metrics: Metrics, tmp_path: Path, access: dict[str, Any], setting: str
) -> None:
    """It is an error that names the setting, and not nobody."""
    settings = XdsSettings.model_validate({"address": f"unix:{tmp_path}/xds.sock", "socket": access})
    with pytest.raises(StartError, match=rf"{setting}: .*'no-such-"):
        await XdsServer(settings, world.stores, world.status, metrics).start()


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_user_of_the_admin_socket(world: World, metrics: Metrics, tmp_path: Path, is_allowed: bool) -> None:
    """The admin port has the same rule."""
    user = os.getuid() if is_allowed else os.getuid() + 1
    settings = {"address": f"unix:{tmp_path}/admin.sock", "socket": {"allowUsers": [user]}}
    clients = XdsServer(XdsSettings(), world.stores, world.status, metrics).clients
    admin = AdminServer(AdminSettings.model_validate(settings), world.stores, world.status, clients, metrics)
    async with anyio.create_task_group() as tasks:
        await admin.start(tasks)
        async with await anyio.connect_unix(tmp_path / "admin.sock") as client:
            answer = b""
            with anyio.fail_after(20), contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = await client.receive()
        assert answer.startswith(b"HTTP/1.1 200") is is_allowed
        refused = metrics.admin_limited_total.labels(limit="admin.socket.allowUsers")._value.get()
        assert refused == (0 if is_allowed else 1)
        await admin.stop()
