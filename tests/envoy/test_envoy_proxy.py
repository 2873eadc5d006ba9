"""What EnvoyProxies ask of telemetry, on a real Envoy: what is logged and traced, where it goes, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.balanced import backend_policy
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.collectors import GrpcCollector, ZipkinCollector, said
from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.test_access import on
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "shop.test"
_UNHURRIED = ("--disable-hot-restart", "--drain-time-s", "30")
"""Options of an Envoy that lets its clients finish, on a busy machine as well."""


class Shop(Stack):
    """One host at one listener, of a Gateway that names an EnvoyProxy."""

    def asks(self, **telemetry: Any) -> None:
        """Write the EnvoyProxy."""
        head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {name: own}\n"
        self.workspace.write("proxy.yaml", f"{head}spec: {json.dumps({'telemetry': telemetry})}\n")

    def logs(self, sink: dict[str, Any], **setting: Any) -> None:
        """Have one log written."""
        self.asks(accessLog={"settings": [{"sinks": [sink], **setting}]})

    def until(self, fact: Callable[[], object], what: str, path: str = "/", **headers: str) -> None:
        """Ask again and again, until something is so."""

        def asked() -> bool:
            http_get(self.port, HOST, path, headers=headers)
            return bool(fact())

        wait_for(asked, what)


@pytest.fixture
def collector() -> Iterator[GrpcCollector]:
    """Somebody who takes telemetry, and is there for longer than any Envoy."""
    with GrpcCollector() as found:
        yield found


@pytest.fixture
def shop(
    collector: GrpcCollector,
    workspace: Workspace,
    backend: EchoBackend,
    make_daemon: Callable[..., Daemon],
    run_envoy: RunEnvoy,
) -> Shop:
    """A shop of which nothing is logged."""
    port = free_port()
    ref = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "own"}
    gateway = manifests.gateway("web", manifests.http(port))
    workspace.write(
        "gateway.yaml",
        gateway.replace('"addresses"', f'"infrastructure": {json.dumps({"parametersRef": ref})}, "addresses"'),
    )
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("collector.yaml", manifests.backend("collector", collector.port))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    envoy = run_envoy(daemon.bootstrap("default/web", "envoy-1"), _UNHURRIED)
    envoy.wait_ready()
    found = Shop(workspace, daemon, envoy, port)
    found.asks()
    found.wait_status(HOST, 200)
    return found


REFS = [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "collector"}]


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_requests_are_logged_to_a_file(shop: Shop, tmp_path: Path) -> None:
    """In Envoy Gateway's fields, or as it is asked; an edit reaches running Envoys, and no request is lost by it."""
    path, text = tmp_path / "usual.log", tmp_path / "text.log"
    with SteadyClient(shop.port, HOST) as client:
        client.wait_for_more()
        shop.logs({"type": "File", "file": {"path": str(path)}})
        wait_for(lambda: _lines(path), "a line in the log")
        form = {"type": "Text", "text": "%REQ(:METHOD)% %RESPONSE_CODE%"}
        shop.logs({"type": "File", "file": {"path": str(text)}}, format=form)
        wait_for(lambda: _lines(text), "a line in the other log")
        client.wait_for_more()
    assert client.failures == []
    found = json.loads(_lines(path)[0])
    assert (found["method"], found["response_code"], found[":authority"]) == ("GET", 200, HOST)
    assert _lines(text)[0] == "GET 200"


def test_what_no_expression_is_true_of_is_not_logged(shop: Shop, tmp_path: Path) -> None:
    """An expression (CEL) filters; of several, one is enough."""
    path = tmp_path / "errors.log"
    form = {"type": "Text", "text": "%REQ(:PATH)%"}
    matches = ["response.code >= 500", "'x-log' in request.headers"]
    shop.logs({"type": "File", "file": {"path": str(path)}}, format=form, matches=matches)
    shop.until(lambda: _lines(path), "a line in the log", path="/wanted", **{"x-log": "yes"})
    http_get(shop.port, HOST, "/unwanted")
    shop.until(lambda: len(_lines(path)) > 2, "further lines", path="/wanted", **{"x-log": "yes"})
    assert set(_lines(path)) == {"/wanted"}


def test_a_service_gets_entries(shop: Shop, collector: GrpcCollector) -> None:
    """By Envoy's own protocol, over HTTP/2, with the headers that are asked for."""
    asked = {"type": "HTTP", "logName": "ours", "backendRefs": REFS, "http": {"requestHeaders": ["x-shop"]}}
    shop.logs({"type": "ALS", "als": asked})
    shop.until(lambda: collector.entries, "entries", **{"x-shop": "hats"})
    first = collector.entries[0]
    assert first.identifier.log_name == "ours"
    assert first.http_logs.log_entry[0].request.request_headers["x-shop"] == "hats"


def test_opentelemetry_gets_logs_and_spans(shop: Shop, collector: GrpcCollector) -> None:
    """Of one request both, with what the attributes and tags say, and the name of who sends them."""
    sink = {"type": "OpenTelemetry", "openTelemetry": {"backendRefs": REFS, "resourceAttributes": {"site": "north"}}}
    form = {"text": "asked for %REQ(:PATH)%", "json": {"code": "%RESPONSE_CODE%"}}
    tracing = {
        "provider": {"type": "OpenTelemetry", "backendRefs": REFS, "serviceName": "front"},
        "customTags": {"shop": {"type": "Literal", "literal": {"value": "hats"}}},
        "tags": {"path": "%REQ(:PATH)%"},
    }
    shop.asks(accessLog={"settings": [{"format": form, "sinks": [sink]}]}, tracing=tracing)
    shop.until(lambda: collector.logs and collector.spans, "a log and a span", path="/hats")
    log, found = collector.logs[0], collector.spans[0]
    assert said(log.resource.attributes)["site"] == "north"
    # The classes of xds-protos have names that OpenTelemetry has since given up; the numbers are the same.
    record = log.instrumentation_library_logs[0].logs[0]
    assert record.body.string_value == "asked for /hats"
    assert said(record.attributes) == {"code": "200"}
    assert said(found.resource.attributes)["service.name"] == "front"
    tags = said(found.instrumentation_library_spans[0].spans[0].attributes)
    assert (tags["shop"], tags["path"]) == ("hats", "/hats")


def test_a_policy_says_what_is_traced_and_counted_of_its_rules(shop: Shop, collector: GrpcCollector) -> None:
    """In the place of the EnvoyProxy, whose other tags stay; requests are counted for the route."""
    tracing = {
        "provider": {"type": "OpenTelemetry", "backendRefs": REFS, "serviceName": "front"},
        "samplingRate": 0,
        "tags": {"path": "%REQ(:PATH)%", "kind": "front"},
    }
    shop.asks(tracing=tracing)
    own = {"tags": {"kind": "shop"}, "spanName": {"client": "asked", "server": "sent"}}
    telemetry = {"tracing": own, "metrics": {"routeStatName": "%ROUTE_KIND%/%ROUTE_NAMESPACE%/%ROUTE_NAME%"}}
    shop.workspace.write("policy.yaml", backend_policy("own", on("HTTPRoute", "shop"), telemetry=telemetry))
    shop.until(lambda: collector.spans, "a span", path="/hats")
    spans = [each for found in collector.spans for each in found.instrumentation_library_spans[0].spans]
    assert {"asked", "sent"} & {each.name for each in spans}
    tags = said(spans[0].attributes)
    assert (tags["kind"], tags["path"]) == ("shop", "/hats")
    wait_for(
        lambda: any("route.httproute/default/shop." in each for each in shop.envoy.stats("vhost.*route")), "a count"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_zipkin_gets_spans(shop: Shop, host: str) -> None:
    """By HTTP, at a host and port."""
    with ZipkinCollector() as zipkin:
        provider = {"type": "Zipkin", "host": host, "port": zipkin.port, "zipkin": {"enable128BitTraceId": True}}
        shop.asks(tracing={"provider": provider})
        shop.until(lambda: zipkin.spans, "a span", path="/hats")
        first = zipkin.spans[0]
        assert (first["path"], len(first["traceId"])) == ("/api/v2/spans", 32)


def test_of_a_collector_that_is_nobody_the_rest_is_served(shop: Shop, tmp_path: Path) -> None:
    """The sink is left out, and told of; requests and the other log go on."""
    path = tmp_path / "other.log"
    nobody = {"backendRefs": [{**REFS[0], "name": "nobody"}]}
    sinks = [{"type": "OpenTelemetry", "openTelemetry": nobody}, {"type": "File", "file": {"path": str(path)}}]
    shop.asks(accessLog={"settings": [{"sinks": sinks}]})
    shop.until(lambda: _lines(path), "a line in the log")
    shop.wait_status(HOST, 200)


@pytest.mark.parametrize("provider", ["OpenTelemetry", "Zipkin", "Datadog"])
def test_a_collector_whose_name_nobody_knows_keeps_nobody_waiting(shop: Shop, tmp_path: Path, provider: str) -> None:
    """Envoy takes the Listener, and what is to be logged elsewhere is."""
    path = tmp_path / "other.log"
    sinks = [
        {"type": "OpenTelemetry", "openTelemetry": {"host": "nobody.invalid"}},
        {"type": "File", "file": {"path": str(path)}},
    ]
    tracing = {"provider": {"type": provider, "host": "nobody.invalid"}}
    shop.asks(accessLog={"settings": [{"sinks": sinks}]}, tracing=tracing)
    shop.until(lambda: _lines(path), "a line in the log")
    shop.wait_status(HOST, 200)


def test_a_file_that_envoy_cannot_open_is_told_of(shop: Shop, tmp_path: Path) -> None:
    """Nobody but Envoy knows its files: it refuses the Listener, and goes on with the one before."""
    path = tmp_path / "missing" / "a.log"
    shop.logs({"type": "File", "file": {"path": str(path)}})
    wait_for(lambda: shop.daemon.events("session.nack"), "Envoy to refuse the Listener")
    shop.wait_status(HOST, 200)
    (told,) = shop.daemon.events("session.nack")
    assert str(path) in told["error"]
    path.parent.mkdir()
    shop.until(lambda: _lines(path), "Envoy to take it when it is sent again")
