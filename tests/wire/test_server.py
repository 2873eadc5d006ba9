"""Where the xDS server listens, with which certificates, and what it says of its health."""

from __future__ import annotations

import socket
import ssl
import stat
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from anyio.streams.tls import TLSAttribute
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from structlog.testing import capture_logs

from egxds.errors import StartError
from egxds.generated.grpc.health.v1 import HealthCheckRequest, HealthStub
from egxds.generated.grpc.health.v1 import HealthCheckResponseServingStatus as ServingStatus
from egxds.grpc.client_stream import BoundedCalls
from egxds.grpc.codec import CODEC
from egxds.settings.daemon import XdsSettings, XdsTls
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.envoy.certificates import Authority, Pair
from tests.wire.client import Envoy, Told, envoy
from tests.wire.raw import framed, raw_client
from tests.wire.world import CDS, World, described

pytestmark = pytest.mark.anyio

ADS_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
SERVING, NOT_SERVING = ServingStatus.SERVING, ServingStatus.NOT_SERVING


@pytest.fixture
async def servers(world: World, metrics: Metrics) -> AsyncIterator[Servers]:
    """Starts servers, and ends them."""
    started = Servers(world, metrics)
    yield started
    await started.drain()


class Servers:
    """Starts servers with the settings that a test wants."""

    def __init__(self, world: World, metrics: Metrics) -> None:
        self._world = world
        self._metrics = metrics
        self._started: list[XdsServer] = []

    async def start(self, address: str, tls: XdsTls | None = None) -> XdsServer:
        """Start one more."""
        server = XdsServer(XdsSettings(address=address, tls=tls), self._world.stores, self._world.status, self._metrics)
        await server.start()
        self._started.append(server)
        return server

    async def drain(self) -> None:
        """End them all."""
        while self._started:
            await self._started.pop().drain(5)


# Addresses


async def test_unix_socket(servers: Servers, world: World, tmp_path: Path) -> None:
    """It listens on a Unix socket that owner and group may use, and takes it away at the end."""
    world.load({CDS: {"a": "1"}})
    path = tmp_path / "xds.sock"
    server = await servers.start(f"unix:{path}")
    assert server.address == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    async with envoy(server.address) as one:
        assert await one.gets(CDS) == Told(CDS, {"a": "1"})
        (client,) = described(server.clients)
        assert client["peer"] == "unix"
    await servers.drain()
    assert not path.exists()


async def test_stale_unix_socket(servers: Servers, world: World, tmp_path: Path) -> None:
    """A socket file that a killed process left behind is replaced."""
    world.load({CDS: {"a": "1"}})
    path = tmp_path / "xds.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = await servers.start(f"unix:{path}")
    async with envoy(server.address) as one:
        assert await one.gets(CDS) == Told(CDS, {"a": "1"})


async def test_unix_socket_of_a_successor(servers: Servers, tmp_path: Path) -> None:
    """A socket file that another process has put in the place of ours is left alone."""
    path = tmp_path / "xds.sock"
    await servers.start(f"unix:{path}")
    path.unlink()
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(str(path))
        # Python 3.13 removes the file of a server that it closes, if it is still the same.
        await servers.drain()
    assert path.exists()


async def test_ipv6(servers: Servers) -> None:
    """An IPv6 address stands in brackets."""
    server = await servers.start("[::1]:0")
    assert server.address.startswith("[::1]:")
    assert not server.address.endswith(":0")


async def test_address_in_use(servers: Servers, tmp_path: Path) -> None:
    """A port or socket on which somebody listens is a clear error that names the setting."""
    for address in ("127.0.0.1:0", f"unix:{tmp_path}/xds.sock"):
        first = await servers.start(address)
        with pytest.raises(StartError, match=r"xds\.address: .*already in use") as failure:
            await servers.start(first.address)
        assert first.address in str(failure.value)


async def test_address_that_cannot_be_bound(servers: Servers, tmp_path: Path) -> None:
    """Whatever else keeps an address from being bound names the setting, too."""
    occupied = tmp_path / "notes.txt"
    occupied.touch()
    for address in ("192.0.2.1:18000", "no such host.invalid:1", f"unix:{occupied}", f"unix:{tmp_path}/no/dir"):
        with pytest.raises(StartError, match=r"xds\.address: "):
            await servers.start(address)
    assert occupied.exists()


# Certificates


@pytest.fixture
def authority() -> Authority:
    """Who signs."""
    return Authority()


def write(directory: Path, pair: Pair, authority: Authority) -> XdsTls:
    """Write a certificate, its key and the CA of clients; return the settings that name them."""
    (directory / "tls.crt").write_text(pair.cert)
    (directory / "tls.key").write_text(pair.key)
    (directory / "ca.crt").write_text(authority.cert)
    return XdsTls(certFile=f"{directory}/tls.crt", keyFile=f"{directory}/tls.key")


def mutual(tls: XdsTls, directory: Path) -> XdsTls:
    """Return settings that ask clients for a certificate."""
    return tls.model_copy(update={"client_ca_file": f"{directory}/ca.crt"})


def client_context(authority: Authority, directory: Path, pair: Pair | None = None) -> ssl.SSLContext:
    """Return what a client trusts, and who it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.cert)
    context.set_alpn_protocols(["h2"])
    if pair is not None:
        (directory / "client.pem").write_text(pair.cert + pair.key)
        context.load_cert_chain(directory / "client.pem")
    return context


def by_name(server: XdsServer) -> str:
    """Return the address under the name that is in the certificates."""
    return server.address.replace("127.0.0.1", "localhost")


async def served(one: Envoy) -> bool:
    """Return whether a client is served."""
    try:
        return await one.gets(CDS, ["a"]) == Told(CDS, {"a": "1"})
    except (OSError, StreamTerminatedError, GRPCError):
        return False


async def is_served(server: XdsServer, context: ssl.SSLContext) -> bool:
    """Return whether a client that starts now is served."""
    try:
        async with envoy(by_name(server), tls=context) as one:
            return await served(one)
    except (OSError, StreamTerminatedError):
        return False


async def test_tls(servers: Servers, world: World, authority: Authority, tmp_path: Path) -> None:
    """With a certificate, it speaks TLS 1.3, and HTTP/2 by ALPN."""
    world.load({CDS: {"a": "1"}})
    server = await servers.start("127.0.0.1:0", write(tmp_path, authority.issue("localhost"), authority))
    context = client_context(authority, tmp_path)
    assert await is_served(server, context)
    host, _, port = by_name(server).rpartition(":")
    async with await anyio.connect_tcp(host, int(port), ssl_context=context, tls_standard_compatible=False) as plain:
        handshake = plain.extra(TLSAttribute.ssl_object)
        assert handshake.selected_alpn_protocol() == "h2"
        assert handshake.version() == "TLSv1.3"


async def test_large_messages_over_tls(servers: Servers, world: World, authority: Authority, tmp_path: Path) -> None:
    """A request and a response of some megabytes are whole, in pieces of whatever size TLS makes of them."""
    world.load({CDS: {name: name * 1_000_000 for name in "abc"}})
    server = await servers.start("127.0.0.1:0", write(tmp_path, authority.issue("localhost"), authority))
    versions = {f"httproute/default/route-{number}/rule/0": "f" * 32 for number in range(30_000)}
    async with envoy(by_name(server), tls=client_context(authority, tmp_path)) as one:
        told = await one.gets(CDS, irv=versions)
    assert told.resources == {name: name * 1_000_000 for name in "abc"}
    assert len(told.removed) == 30_000


async def test_handshake_that_never_ends(servers: Servers, authority: Authority, tmp_path: Path) -> None:
    """A client that connects and says nothing does not hold up the end."""
    server = await servers.start("127.0.0.1:0", write(tmp_path, authority.issue("localhost"), authority))
    host, _, port = server.address.rpartition(":")
    async with await anyio.connect_tcp(host, int(port)):
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(20):
            await server.drain(0.2)


@pytest.mark.rule(9)
async def test_mutual_tls(servers: Servers, world: World, authority: Authority, tmp_path: Path) -> None:
    """With a client CA, only a client with a certificate of that CA gets a resource."""
    world.load({CDS: {"a": "1"}})
    tls = mutual(write(tmp_path, authority.issue("localhost"), authority), tmp_path)
    server = await servers.start("127.0.0.1:0", tls)
    assert await is_served(server, client_context(authority, tmp_path, authority.issue("envoy")))
    assert not await is_served(server, client_context(authority, tmp_path))
    assert not await is_served(server, client_context(authority, tmp_path, Authority().issue("envoy")))


async def test_reload_of_certificates(servers: Servers, world: World, authority: Authority, tmp_path: Path) -> None:
    """New connections get the new certificate and are held to the new CA; open streams stay."""
    world.load({CDS: {"a": "1"}})
    tls = mutual(write(tmp_path, authority.issue("localhost"), authority), tmp_path)
    server = await servers.start("127.0.0.1:0", tls)
    old = client_context(authority, tmp_path, authority.issue("envoy"))
    successor = Authority()
    new = client_context(successor, tmp_path, successor.issue("envoy"))
    async with envoy(by_name(server), tls=old) as one:
        assert await served(one)
        write(tmp_path, successor.issue("localhost"), successor)
        server.reload()
        assert await is_served(server, new)
        assert not await is_served(server, old)
        old.load_verify_locations(cadata=successor.cert)
        assert not await is_served(server, old)
        assert await served(one)


async def test_reload_of_what_cannot_be_used(
    servers: Servers, world: World, authority: Authority, tmp_path: Path
) -> None:
    """Where the new files cannot be used, the old certificate stays, and the log says why."""
    world.load({CDS: {"a": "1"}})
    server = await servers.start("127.0.0.1:0", write(tmp_path, authority.issue("localhost"), authority))
    (tmp_path / "tls.key").write_text(authority.issue("localhost").key)
    with capture_logs() as lines:
        server.reload()
    assert [line["event"] for line in lines] == ["wire.certificates_kept"]
    assert "xds.tls.keyFile" in lines[0]["error"]
    assert await is_served(server, client_context(authority, tmp_path))


async def test_certificates_have_their_end(
    servers: Servers, metrics: Metrics, authority: Authority, tmp_path: Path
) -> None:
    """That of the server and that of its clients' authority, in days from now; those of the files in force."""

    def days_left(setting: str) -> int | None:
        labels = {"setting": f"xds.tls.{setting}"}
        ends_s = metrics.registry.get_sample_value("egxds_xds_certificate_expiry_timestamp_seconds", labels)
        return None if ends_s is None else round((ends_s - time.time()) / 86400)

    tls = mutual(write(tmp_path, authority.issue("localhost", days_left=3), authority), tmp_path)
    server = await servers.start("127.0.0.1:0", tls)
    assert (days_left("certFile"), days_left("clientCAFile")) == (3, 30)
    write(tmp_path, authority.issue("localhost", days_left=90), authority)
    assert days_left("certFile") == 3
    server.reload()
    assert days_left("certFile") == 90
    (tmp_path / "tls.crt").write_text("nothing")
    server.reload()
    assert days_left("certFile") == 90


async def test_reload_without_certificates(servers: Servers) -> None:
    """A server in plain text has nothing to read again."""
    (await servers.start("127.0.0.1:0")).reload()


@pytest.mark.parametrize(
    ("missing", "setting"), [("tls.crt", "certFile"), ("tls.key", "keyFile"), ("ca.crt", "clientCAFile")]
)
@pytest.mark.parametrize("is_present", [True, False], ids=["garbage", "missing"])
async def test_certificates_that_cannot_be_used(
    servers: Servers, authority: Authority, tmp_path: Path, missing: str, setting: str, is_present: bool
) -> None:
    """A file that is missing, or holds something else, is named with its setting."""
    tls = mutual(write(tmp_path, authority.issue("localhost"), authority), tmp_path)
    (tmp_path / missing).unlink()
    if is_present:
        (tmp_path / missing).write_text("something else")
    with pytest.raises(StartError, match=rf"xds\.tls\.{setting}") as failure:
        await servers.start("127.0.0.1:0", tls)
    assert missing in str(failure.value)


# Health


class Health:
    """A client of the health check."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._channel = Channel(host, int(port), codec=CODEC)
        self._stub = BoundedCalls(self._channel, 4096).stub(HealthStub)

    async def check(self, service: str = "") -> ServingStatus:
        """Ask once."""
        return (await self._stub.check(HealthCheckRequest(service=service))).status

    async def watch(self, service: str = "") -> AsyncGenerator[ServingStatus, None]:
        """Ask to be told."""
        async for response in self._stub.watch(HealthCheckRequest(service=service)):
            yield response.status

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


@pytest.fixture
async def health(server: XdsServer) -> AsyncIterator[Health]:
    """A connected client of the health check."""
    client = Health(server.address)
    yield client
    client.close()


@pytest.mark.parametrize("service", ["", ADS_SERVICE])
async def test_health_check(health: Health, world: World, service: str) -> None:
    """It serves once everything is loaded and the port is open."""
    assert await health.check(service) == NOT_SERVING
    world.load({})
    assert await health.check(service) == SERVING


async def test_health_check_of_an_unknown_service(health: Health) -> None:
    """A service that does not exist is not found."""
    with pytest.raises(GRPCError) as failure:
        await health.check("no.Such")
    assert failure.value.status is Status.NOT_FOUND


async def test_health_watch(health: Health, world: World, server: XdsServer) -> None:
    """A watch tells the state now, every change of it, and ends with the server."""
    watch = health.watch()
    assert await anext(watch) == NOT_SERVING
    world.load({})
    assert await anext(watch) == SERVING
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.drain, 5)
        with pytest.raises((GRPCError, StreamTerminatedError)):
            await anext(watch)


async def test_health_watch_of_an_unknown_service(health: Health) -> None:
    """A watch of a service that does not exist says so and goes on."""
    async with aclosing(health.watch("no.Such")) as watch:
        assert await anext(watch) == ServingStatus.SERVICE_UNKNOWN


@pytest.mark.parametrize("method", ["Check", "Watch"])
@pytest.mark.parametrize(
    "data", [b"", framed(b"\n\x01\xff"), framed(b"x" * 5000)], ids=["nothing", "garbage", "too much"]
)
async def test_health_request_that_cannot_be_read(server: XdsServer, method: str, data: bytes) -> None:
    """A request that is none ends the call with a status."""
    async with raw_client(server.address) as client:
        call = await client.open(f"/grpc.health.v1.Health/{method}")
        await client.send(call, data, last=True)
        assert int((await client.trailers(call))["grpc-status"]) in {
            Status.INVALID_ARGUMENT.value,
            Status.RESOURCE_EXHAUSTED.value,
        }
