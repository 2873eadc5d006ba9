"""`egxds clients` against a running daemon's admin API."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
import yaml
from anyio import to_thread
from anyio.abc import SocketAttribute, SocketStream
from click.testing import CliRunner, Result

from egxds.cli.application import application
from egxds.names import VERSION_HEADER
from egxds.settings.daemon import AdminSettings
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import connected, envoy, stream
from tests.wire.world import CDS, RDS, World

pytestmark = pytest.mark.anyio

LONG_ERROR = "Proto constraint validation failed: " + "a very long reason, " * 20


@pytest.fixture
def admin(running: AdminServer) -> str:
    """The address of the admin server that runs."""
    return running.address


async def run(*arguments: str) -> Result:
    """Run the command on a terminal of 80 columns."""
    return await invoke("clients", *arguments)


async def invoke(*arguments: str) -> Result:
    """Run a command likewise."""
    return await to_thread.run_sync(
        lambda: CliRunner().invoke(application, arguments, env={"COLUMNS": "80", "NO_COLOR": "1"})
    )


async def test_table(admin: str, server: XdsServer, world: World) -> None:
    """A line for each Envoy and type, nothing beyond 80 columns, errors whole below."""
    world.load({CDS: {"a": "1"}, RDS: {"r": "bad"}})
    node = {"id": "front-proxy-in-a-datacenter-far-away.7f9c4d", "cluster": "default/web"}
    async with envoy(server.address, node=node) as one, connected(server.address) as channel, stream(channel) as silent:
        await silent.headers()
        await one.gets(CDS)
        await one.ask(RDS, ["r"])
        await one.told()
        await one.nack(RDS, LONG_ERROR)
        assert await one.is_told_nothing()
        result = await run("--admin", admin)
    assert result.exit_code == 1, "something is refused"
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["ENVOY", "TYPE", "STATE", "SENT", "ACKED", "NACKED", "SINCE", "ACK", "VERSIONS"]
    cells = [line.split() for line in lines]
    (cluster,) = [line for line in cells if "cluster" in line]
    (route,) = [line for line in cells if "route" in line and "SENT" not in line and "NACKED" in line and len(line) > 5]
    assert cluster[-6:-2] == ["SYNCED", "1", "1", "0"]
    assert route[-6:-1] == ["NACKED", "1", "0", "1", "never"]
    told = " ".join(result.stdout.split())
    assert "refuses r (r.yaml:1)" in told
    assert LONG_ERROR.strip() in told
    assert "datacenter" in told.replace(" ", "")


async def test_nack_that_is_over(admin: str, server: XdsServer, world: World) -> None:
    """What an Envoy refused before it took the next version stands somewhere, too."""
    world.load({RDS: {"r": "bad"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["r"])
        await one.told()
        await one.nack(RDS, "no such cluster")
        assert await one.is_told_nothing()
        world.set({RDS: {"r": "good"}})
        await one.told()
        await one.ack(RDS)
        assert await one.is_told_nothing()
        result = await run("--admin", admin)
    assert "n1 #1 route: refused r (r.yaml:1), and has taken a later version of it" in result.stdout


async def test_data(admin: str, server: XdsServer, world: World, tmp_path: Path) -> None:
    """YAML and JSON are what the API says, and the address may come from the settings file."""
    world.load({CDS: {"a": "1"}})
    config = tmp_path / "egxds.yaml"
    config.write_text(f"sources: {{files: {{paths: [.]}}}}\nadmin: {{address: '{admin}'}}\n", encoding="utf-8")
    async with envoy(server.address) as one:
        await one.gets(CDS)
        assert await one.is_told_nothing()
        as_yaml = yaml.safe_load((await run("-c", str(config), "-o", "yaml")).stdout)
        as_json = json.loads((await run("--admin", admin, "-o", "json")).stdout)
    for data in (as_yaml, as_json):
        ((client,), nacks) = data["items"], data["nacks"]
        assert (client["id"], nacks) == ("n1", [])
        assert {status["state"] for status in client["types"] if status["type"] == "cluster"} == {"SYNCED"}


async def test_nobody(admin: str) -> None:
    """Without an Envoy there is no table, and a message says so."""
    result = await run("--admin", admin)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no Envoy is connected" in result.stderr


async def test_unix_socket(server: XdsServer, world: World, metrics: Metrics, tmp_path: Path) -> None:
    """The admin API may be on a Unix socket."""
    address = f"unix:{tmp_path}/admin.sock"
    running = AdminServer(AdminSettings(address=address), world.stores, world.status, server.clients, metrics)
    async with anyio.create_task_group() as tasks:
        await running.start(tasks)
        result = await run("--admin", address)
        await running.stop()
    assert (result.exit_code, result.stderr) == (0, "egxds: no Envoy is connected\n")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "unix:/nowhere/admin.sock"])
async def test_daemon_that_is_not_there(address: str) -> None:
    """One line says which address was asked, and what to look at."""
    result = await run("--admin", address)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"egxds: cannot ask the daemon at {address}: ")


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("", "it is empty"),
        ("nonsense", "the port is missing"),
        ("localhost:", "the port is missing"),
        (":19080", "the port is missing"),
        ("localhost:http", "'http' is no port"),
        ("localhost:70000", "'70000' is no port"),
        ("http://localhost:19080/", "it is no URL: write localhost:19080"),
        ("unix:", "the path is missing"),
    ],
)
async def test_what_is_no_address(address: str, fault: str) -> None:
    """It is a mistake of whoever typed it, not of the daemon."""
    result = await run("--admin", address)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"egxds: --admin takes HOST:PORT or unix:PATH, not {address!r}: {fault}\n"


@pytest.mark.parametrize("word", ["[{a: 1}]", "admin: 5", "admin: {address: 5}", "admin: ["])
async def test_settings_file_without_an_address(tmp_path: Path, word: str) -> None:
    """The file is named."""
    config = tmp_path / "egxds.yaml"
    config.write_text(word, encoding="utf-8")
    result = await run("-c", str(config))
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(config) in result.stderr


async def test_server_that_is_not_a_daemon(server: XdsServer) -> None:
    """Of what answers something else no bytes are printed."""
    result = await run("--admin", server.address)
    assert (result.exit_code, result.stdout) == (3, "")
    said = "what answers speaks no HTTP/1.1, as the xDS port does not; give its admin.address"
    assert result.stderr == f"egxds: cannot ask the daemon at {server.address}: {said}\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b'HTTP/1.1 200 OK\r\n\r\n{"items": 5}',
        b"HTTP/1.1 404 No\r\n\r\n",
        b"",
        b"220 mail\r\n",
    ],
    ids=["page", "json", "not-found", "nothing", "no-http"],
)
@pytest.mark.parametrize("command", ["clients", "hooks", "resync"])
async def test_another_server(command: str, answer: bytes) -> None:
    """What is no egxds is told from one, whatever it answers and to which command."""

    async def reply(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(answer)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, reply)
        address = f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        result = await invoke(command, "--admin", address)
        tasks.cancel_scope.cancel()
    assert (result.exit_code, result.stdout) == (3, "")
    assert address in result.stderr
    assert result.stderr.count("\n") == 1


async def test_daemon_that_has_no_time_for_a_request(admin: str) -> None:
    """What is refused before it is read says, too, that it was an egxds."""
    host, _, port = admin.rpartition(":")
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(b"no HTTP at all\r\n\r\n")
        head = await stream.receive()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"{VERSION_HEADER}: ".encode() in head


async def test_two_addresses(tmp_path: Path) -> None:
    """A settings file and an address contradict each other."""
    result = await run("-c", str(tmp_path / "egxds.yaml"), "--admin", "127.0.0.1:1")
    assert result.exit_code == 2


async def test_a_daemon_that_refuses_says_why(admin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does who asks for it by a name that it does not know."""
    monkeypatch.setattr("egxds.wire.admin.own_names._is_own", lambda _name, _names: False)
    result = await run("--admin", admin)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"egxds: the daemon at {admin} answers 403 for /api/v1/fleet/envoys: the Host ")
    assert "admin.allowedHosts" in result.stderr
