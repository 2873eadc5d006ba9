"""The admin API over real HTTP."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest

from egxds.errors import StartError
from egxds.inspect.objects import ObjectFilter, ObjectsPage, Window
from egxds.names import REQUEST_HEADER
from egxds.object_key import ObjectKey
from egxds.settings.daemon import AdminSettings
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from tests.wire.browser import MEANT, Admin
from tests.wire.client import envoy
from tests.wire.world import CDS, RDS, SDS, World

pytestmark = pytest.mark.anyio

ITEMS: tuple[dict[str, Any], ...] = (
    {"apiVersion": "v1", "kind": "Gateway", "metadata": {"namespace": "default", "name": "web", "generation": 1}},
    {"apiVersion": "v1", "kind": "HTTPRoute", "metadata": {"namespace": "default", "name": "cart", "generation": 1}},
    {"apiVersion": "v1", "kind": "HTTPRoute", "metadata": {"namespace": "shop", "name": "cart", "generation": 2}},
)


async def test_index_names_every_page(admin: Admin) -> None:
    """The front page says what there is."""
    page = (await admin.get("/")).body.decode()
    for path in ("/healthz", "/readyz", "/metrics", "objects", "clients", "config_dump", "hooks"):
        assert path in page


async def test_readiness(admin: Admin, world: World) -> None:
    """It is ready once everything is loaded and the port is open, and says what is missing until then."""
    assert (await admin.get("/healthz")).status == 200
    unready = await admin.get("/readyz")
    assert unready.status == 503
    assert b"not been loaded" in unready.body
    assert b"port is not open" in unready.body
    world.status.mark_loaded()
    assert (await admin.get("/readyz")).body == b"the xDS port is not open yet\n"
    world.status.mark_bound()
    assert (await admin.get("/readyz")).status == 200


async def test_metrics(admin: Admin, server: XdsServer, world: World) -> None:
    """Metrics come in Prometheus' format, with short names of types as labels."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
        assert await one.is_told_nothing()
        answer = await admin.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=")
    lines = answer.body.decode().splitlines()
    assert "egxds_xds_connected_clients 1.0" in lines
    assert 'egxds_xds_responses_total{type="cluster"} 1.0' in lines
    assert 'egxds_xds_acks_total{type="cluster"} 1.0' in lines
    assert 'egxds_xds_response_bytes_count{type="cluster"} 1.0' in lines


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [0, 1, 2]),
        ({"kind": "HTTPRoute"}, [1, 2]),
        ({"namespace": "default"}, [0, 1]),
        ({"name": "cart", "namespace": "shop"}, [2]),
        ({"kind": "HTTPRoute", "name": "other"}, []),
        ({"kind": "Secret"}, []),
    ],
)
async def test_objects(admin: Admin, world: World, query: dict[str, str], found: list[int]) -> None:
    """Objects are filtered by kind, namespace and name; findings without an object come along."""

    async def page(wanted: ObjectFilter, _window: Window) -> ObjectsPage:
        shown = tuple(item for item in ITEMS if wanted.takes(_key(item)))
        return ObjectsPage(shown, ({"message": "lost"},))

    world.status.set_objects(page)
    answer = await admin.get("/api/v1/objects", **query)
    assert answer.content_type == "application/json"
    assert answer.json == {"items": [ITEMS[index] for index in found], "problems": [{"message": "lost"}]}


async def test_objects_in_parts(admin: Admin, world: World) -> None:
    """A part says how to go on; a limit that is no number is told so."""

    async def page(_wanted: ObjectFilter, window: Window) -> ObjectsPage:
        start = int(window.after or 0)
        end = start + (window.limit or len(ITEMS))
        return ObjectsPage(tuple(ITEMS[start:end]), last=str(end) if end < len(ITEMS) else None)

    world.status.set_objects(page)
    first = (await admin.get("/api/v1/objects", limit="2")).json
    assert first == {"items": list(ITEMS[:2]), "problems": [], "continue": "2"}
    rest = (await admin.get("/api/v1/objects", **{"limit": "2", "continue": first["continue"]})).json
    assert rest == {"items": list(ITEMS[2:]), "problems": []}
    for limit in ("0", "-1", "many", "9" * 2000):
        assert (await admin.get("/api/v1/objects", limit=limit)).status == 400


def _key(item: dict[str, Any]) -> ObjectKey:
    return ObjectKey("", item["kind"], item["metadata"]["namespace"], item["metadata"]["name"])


async def test_hooks(admin: Admin, world: World) -> None:
    """Hook states are shown as they are when asked for."""
    world.status.set_hooks(lambda: ({"hook": "Route", "state": "ok"},))
    assert (await admin.get("/api/v1/hooks")).json == {"items": [{"hook": "Route", "state": "ok"}]}


async def test_clients(admin: Admin, server: XdsServer, world: World) -> None:
    """Each Envoy is shown with what it asked for, took and refused, and why."""
    world.load({CDS: {"a": "1"}, RDS: {"r": "bad"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
        await one.ask(RDS, ["r", "s"])
        await one.told()
        await one.nack(RDS, "no such thing")
        assert await one.is_told_nothing()
        shown = (await admin.get("/api/v1/clients")).json
    (client,) = shown["items"]
    assert (client["id"], client["cluster"], client["gateways"]) == ("n1", "default/web", ["default/web"])
    assert client["peer"].startswith("127.0.0.1:")
    types = {entry["type"]: entry for entry in client["types"]}
    cluster, route = types["cluster"], types["route"]
    assert (cluster["wildcard"], cluster["sent"], cluster["acked"], cluster["nacked"]) == (True, 1, 1, 0)
    assert (cluster["state"], route["state"]) == ("SYNCED", "NACKED")
    assert cluster["versions"]["sent"] == cluster["versions"]["acked"] != ""
    assert (route["versions"]["sent"] != "", route["versions"]["acked"]) == (True, "")
    assert cluster["secondsSinceAck"] >= 0
    assert route["secondsSinceAck"] is None
    assert cluster["resources"] == {"held": 1, "acked": 1, "nacked": 0}
    assert (route["subscribed"], route["sent"], route["acked"], route["nacked"]) == (2, 1, 0, 1)
    assert route["lastError"] == "no such thing"
    location = {"file": "r.yaml", "line": 1}
    refused = {"name": "r", "version": one.versions["r"], "error": "no such thing", "sources": [location]}
    assert route["refused"] == [refused]
    (nack,) = shown["nacks"]
    assert (nack["node"], nack["type"], nack["times"], nack["message"]) == ("n1", "route", 1, "no such thing")
    assert not nack["over"]
    assert nack["resources"] == [{"name": "r", "version": one.versions["r"], "sources": [location]}]


async def test_readiness_names_what_is_refused(admin: Admin, server: XdsServer, world: World) -> None:
    """Egxds is ready all the same; what an Envoy refused is named until it leaves."""
    world.load({RDS: {"r": "bad"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["r"])
        await one.told()
        await one.nack(RDS, "no such thing")
        assert await one.is_told_nothing()
        ready = await admin.get("/readyz")
    assert (ready.status, ready.body) == (200, b"ok\nEnvoy 'n1' refuses route r: no such thing (r.yaml:1)\n")
    with anyio.fail_after(20):
        while (await admin.get("/readyz")).body != b"ok\n":
            await anyio.wait_all_tasks_blocked()


async def test_resync(admin: Admin, server: XdsServer, world: World) -> None:
    """What an Envoy refused is sent at once; nobody else is sent anything."""
    world.load({CDS: {"a": "1"}, RDS: {"r": "bad"}})
    rolled_back = iter([2, 0])
    world.status.set_trying(lambda: next(rolled_back))
    async with envoy(server.address) as one:
        await one.gets(CDS)
        await one.ask(RDS, ["r"])
        await one.told()
        await one.nack(RDS, "no such thing")
        assert await one.is_told_nothing()
        unknown = await admin.send("POST", "/api/v1/resync?node=n2", MEANT)
        answer = await admin.send("POST", "/api/v1/resync?node=n1", MEANT)
        told = await one.told()
        await one.ack(RDS)
        assert await one.is_told_nothing()
        again = await admin.send("POST", "/api/v1/resync", MEANT)
        assert await one.is_told_nothing()
    assert (unknown.status, answer.status) == (404, 200)
    assert answer.json == {"items": [{"id": "n1", "resources": 1}], "objects": 2}
    assert (told.type_url, list(told.resources)) == (RDS, ["r"])
    assert again.json == {"items": [{"id": "n1", "resources": 0}], "objects": 0}


async def test_resync_is_not_for_pages_in_a_browser(admin: Admin) -> None:
    """What they may send elsewhere without asking is GET, or POST without a header of its own; asking is in vain."""
    assert (await admin.send("GET", "/api/v1/resync", MEANT)).status == 405
    refused = await admin.send("POST", "/api/v1/resync", {"content-type": "text/plain"})
    assert refused.status == 403
    assert REQUEST_HEADER in refused.json["error"]
    asked = await admin.send("OPTIONS", "/api/v1/resync", {"origin": "http://evil.test"})
    assert asked.status == 403
    assert not [name for name in asked.headers if name.startswith("access-control-")]


async def test_clients_are_gone_when_they_leave(admin: Admin, server: XdsServer, world: World) -> None:
    """A client that hung up is not shown."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
    with anyio.fail_after(20):
        while (await admin.get("/api/v1/clients")).json["items"]:
            await anyio.wait_all_tasks_blocked()


async def test_config_dump(admin: Admin, world: World) -> None:
    """Every resource is shown with its version and its sources, by type and by Gateway."""
    world.load({CDS: {"a": "1"}, SDS: {"s": "private"}})
    world.set({CDS: {"b": "1"}}, gateway="shop/web")
    items = (await admin.get("/api/v1/config_dump")).json["items"]
    assert [(item["gateway"], item["type"], item["name"]) for item in items] == [
        ("default/web", "cluster", "a"),
        ("default/web", "secret", "s"),
        ("shop/web", "cluster", "b"),
    ]
    assert items[0]["body"] == {"name": "a", "alt_stat_name": "1"}
    assert items[0]["sources"] == [{"file": "a.yaml", "line": 1}]
    assert len(items[0]["version"]) == 32
    clusters = (await admin.get("/api/v1/config_dump", type="cluster", gateway="shop/web")).json["items"]
    assert [item["name"] for item in clusters] == ["b"]


async def test_secrets_are_not_shown(admin: Admin, world: World) -> None:
    """The dump says that there is a secret, not which."""
    world.load({SDS: {"s": "hush"}})
    answer = await admin.get("/api/v1/config_dump")
    assert b"[redacted]" in answer.body
    assert b"hush" not in answer.body


@pytest.mark.parametrize(
    ("path", "query", "help_text"),
    [
        ("objects", {"sort": "name"}, "kind, namespace, name"),
        ("objects", {"kind": "HTTPRuote"}, "HTTPRoute"),
        ("config_dump", {"type": "vhost"}, "listener, route, cluster, endpoint, secret"),
        ("config_dump", {"gateway": "no/such"}, "default/web"),
        ("clients", {"id": "n1"}, "none"),
        ("status", {"sort": "name"}, "kind, namespace, name"),
        ("status", {"kind": "gatway"}, "did you mean Gateway?"),
        ("describe", {}, "say kind="),
        ("explain", {"uri": "http://x/"}, "url, header, method"),
        ("explain", {}, "say url="),
        ("explain", {"url": "x.test"}, "write it with its scheme"),
        ("explain", {"url": "http://x.test/", "gateway": "no/such"}, "default/web"),
        ("hooks", {"name": "Route"}, "none"),
    ],
)
async def test_filter_that_does_not_exist(
    admin: Admin, world: World, path: str, query: dict[str, str], help_text: str
) -> None:
    """An unknown filter, or an unknown value of one, is refused, and the answer says what there is."""
    world.load({CDS: {"a": "1"}})
    answer = await admin.get(f"/api/v1/{path}", **query)
    assert answer.status == 400
    assert help_text in answer.json["error"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/objects"])
async def test_nothing_can_be_changed(admin: Admin, path: str) -> None:
    """Only GET and HEAD are answered."""
    assert (await admin.get(path, method="HEAD")).status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await admin.get(path, method=method)).status == 405


async def test_unknown_page(admin: Admin) -> None:
    """A page that does not exist is not found."""
    assert (await admin.get("/api/v2")).status == 404


async def test_large_dump_holds_up_nobody(admin: Admin, world: World) -> None:
    """While a dump of 20,000 resources is made, the event loop answers others."""
    world.load({CDS: {f"cluster-{number}": "1" for number in range(20_000)}})
    answered = 0
    async with anyio.create_task_group() as tasks:
        done = anyio.Event()

        async def dump() -> None:
            assert len((await admin.get("/api/v1/config_dump")).json["items"]) == 20_000
            done.set()

        tasks.start_soon(dump)
        while not done.is_set():
            assert (await admin.get("/healthz")).status == 200
            answered += 1
    assert answered > 1


async def test_address_in_use(running: AdminServer, world: World, server: XdsServer, metrics: Metrics) -> None:
    """A port on which somebody listens is a clear error that names the setting."""
    settings = AdminSettings(address=running.address)
    second = AdminServer(settings, world.stores, world.status, server.clients, metrics)
    async with anyio.create_task_group() as tasks:
        with pytest.raises(StartError, match=r"admin\.address: .*already in use"):
            await second.start(tasks)


async def test_unix_socket(world: World, server: XdsServer, metrics: Metrics, tmp_path: Path) -> None:
    """It listens on a Unix socket, too."""
    path = tmp_path / "admin.sock"
    settings = AdminSettings(address=f"unix:{path}")
    admin = AdminServer(settings, world.stores, world.status, server.clients, metrics)
    async with anyio.create_task_group() as tasks:
        await admin.start(tasks)
        async with await anyio.connect_unix(path) as connection:
            await connection.send(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert (await connection.receive()).startswith(b"HTTP/1.1 200")
        await admin.stop()
    assert not path.exists()


async def test_signals_are_left_alone(running: AdminServer) -> None:
    """The admin server installs no signal handler: they belong to the app."""
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_port_is_free_after_the_end(running: AdminServer) -> None:
    """After it has stopped, nobody listens."""
    await running.stop()
    host, _, port = running.address.rpartition(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
