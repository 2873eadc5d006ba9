"""What an HTTPRoute may ask beyond matching, on a real Envoy: mirrors, retries, CORS, filters of backends."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.scripted_backend import BREAK, ScriptedBackend
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "app.test"
SAMPLES = 240
LIMIT_S = 20.0
Backends = dict[str, ScriptedBackend]
Serve = Callable[..., Stack]


@pytest.fixture
def backends() -> Iterator[Backends]:
    """Three backends."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(ScriptedBackend(name)) for name in ("one", "two", "three")}


@pytest.fixture
def serve(
    workspace: Workspace, backends: Backends, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Serve:
    """Serves one HTTPRoute of some rules."""

    def run(*rules: dict[str, Any]) -> Stack:
        port = free_port()
        ready = {"matches": [{"path": {"value": "/ready"}}], "backendRefs": [manifests.backend_ref("one")]}
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
        workspace.write("app.yaml", manifests.http_route("app", HOST, "one", rules=[*rules, ready]))
        for name, backend in backends.items():
            workspace.write(f"{name}.yaml", manifests.backend(name, backend.port))
        daemon = make_daemon()
        daemon.start()
        stack = Stack(workspace, daemon, start_envoy(daemon), port)
        stack.wait_status(HOST, 200, "/ready")
        for backend in backends.values():
            backend.seen.clear()
        return stack

    return run


def rule(path: str, *refs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a rule for what is below a path."""
    return {"matches": [{"path": {"value": path}}], "backendRefs": list(refs), **more}


def to(name: str, weight: int = 1, *filters: dict[str, Any]) -> dict[str, Any]:
    """Return a backendRef."""
    return {**manifests.backend_ref(name), "weight": weight, "filters": list(filters)}


def mirror(name: str, **part: Any) -> dict[str, Any]:
    """Return the filter that copies requests to a backend."""
    return {"type": "RequestMirror", "requestMirror": {"backendRef": manifests.backend_ref(name), **part}}


def rewrite(path: str) -> dict[str, Any]:
    """Return the filter that replaces the whole path."""
    return {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": path}}}


def header(value: str, remove: str = "") -> dict[str, Any]:
    """Return the filter that sets `x-for`, and perhaps removes a header."""
    change = {"set": [{"name": "x-for", "value": value}], "remove": [remove] if remove else []}
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": change}


def test_copies_go_to_mirrors(serve: Serve, backends: Backends) -> None:
    """The client gets the answer of the backend; mirrors see the request as it was, several of them each once."""
    filters = [mirror("two"), mirror("three"), header("all")]
    stack = serve(
        rule("/copied", to("one"), filters=filters), rule("/never", to("one"), filters=[mirror("two", percent=0)])
    )
    assert stack.get(HOST, "/never/x").json["backend"] == "one"
    assert stack.get(HOST, "/copied/x").json["backend"] == "one"
    wait_for(lambda: backends["two"].seen and backends["three"].seen, "the copies")
    for name in ("two", "three"):
        assert [(each["path"], each["host"], each["x-for"]) for each in backends[name].seen] == [
            ("/copied/x", HOST, "all")
        ]


def test_a_mirror_that_is_not_there_takes_nothing_away(serve: Serve, backends: Backends) -> None:
    """It is said in the status of the route, whose requests are served (Gateway API, HTTPRequestMirrorFilter)."""
    stack = serve(rule("/", to("one"), filters=[mirror("nobody"), mirror("two")]))
    assert stack.get(HOST).json["backend"] == "one"
    wait_for(lambda: backends["two"].seen, "the copy")
    (route,) = stack.daemon.api("objects?kind=HTTPRoute")["items"]
    conditions = {each["type"]: each["reason"] for each in route["status"]["parents"][0]["conditions"]}
    assert (conditions["Accepted"], conditions["ResolvedRefs"]) == ("Accepted", "BackendNotFound")


def test_requests_are_tried_again(serve: Serve, backends: Backends) -> None:
    """For the statuses that are given, and where there was no answer at all; no more often than is said."""
    retry = {"codes": [503], "attempts": 2, "backoff": "10ms"}
    stack = serve(rule("/", to("one"), retry=retry))
    stories = {
        "a status": ([503, 503], 200, 3),
        "too often": ([503, 503, 503], 503, 3),
        "another status": ([500], 500, 1),
        "no answer": ([BREAK, 503], 200, 3),
    }
    for name, (script, status, asked) in stories.items():
        backends["one"].seen.clear()
        backends["one"].script[:] = script
        assert (stack.get(HOST).status, len(backends["one"].seen)) == (status, asked), name


def test_backends_have_filters_of_their_own(serve: Serve, backends: Backends) -> None:
    """Each backend gets its share, changed as its own filters say after those of the rule."""
    moved = {"type": "RequestRedirect", "requestRedirect": {"hostname": "new.test"}}
    refs = (
        to("one", 1, rewrite("/for-one"), header("one", "x-all")),
        to("two", 2, mirror("three")),
        to("three", 1, moved),
    )
    both = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-all", "value": "yes"}]}}
    stack = serve(rule("/split", *refs, filters=[both, rewrite("/for-all")]))
    answers = [http_get(stack.port, HOST, "/split/x") for _ in range(SAMPLES)]
    seen: Counter[tuple[object, ...]] = Counter(
        (each.json["backend"], each.json["path"], each.json["headers"].get("x-for"), each.json["headers"].get("x-all"))
        if each.status == 200
        else (each.status, each.headers["location"])
        for each in answers
    )
    wanted: dict[tuple[object, ...], float] = {
        ("one", "/for-one", "one", None): 0.25,
        ("two", "/for-all", None, "yes"): 0.5,
        (302, f"http://new.test:{stack.port}/split/x"): 0.25,
    }
    assert set(seen) == set(wanted)
    for what, share in wanted.items():
        assert seen[what] / SAMPLES == pytest.approx(share, abs=0.15), what
    copies = seen["two", "/for-all", None, "yes"]
    wait_for(lambda: len(backends["three"].seen) == copies, "a copy of each request to the second backend")


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Send a request with an Origin; return status and the headers of CORS."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        connection.request(method, path, headers={"Host": HOST, **{n.replace("_", "-"): v for n, v in headers.items()}})
        response = connection.getresponse()
        response.read()
        prefix = "access-control-"
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, {n.removeprefix(prefix): v for n, v in found.items() if n.startswith(prefix)}
    finally:
        connection.close()


GOOD, BAD = "https://shop.a.test", "https://evil.test"
OF_GOOD = {"allow-origin": GOOD, "allow-credentials": "true", "expose-headers": "x-total"}
PREFLIGHT = {**OF_GOOD, "allow-methods": "PUT, GET", "allow-headers": "x-one, x-two", "max-age": "60"}


def test_pages_of_other_origins_are_let_in_as_it_says(serve: Serve, backends: Backends) -> None:
    """Preflights are answered without the backend; who is not let in gets no leave, and no preflight through."""
    cors = {
        "allowOrigins": ["https://*.a.test", "https://b.test:8443"],
        "allowMethods": ["PUT", "GET"],
        "allowHeaders": ["x-one", "x-two"],
        "exposeHeaders": ["x-total"],
        "allowCredentials": True,
        "maxAge": 60,
    }
    nobody = {"type": "CORS", "cors": {}}
    stack = serve(
        rule("/open", to("one"), filters=[{"type": "CORS", "cors": cors}]), rule("/shut", to("one"), filters=[nobody])
    )
    wants = {"access_control_request_method": "PUT"}
    for origin in (GOOD, "https://b.test:8443"):
        assert ask(stack.port, "OPTIONS", "/open", origin=origin, **wants) == (
            200,
            {**PREFLIGHT, "allow-origin": origin},
        )
    for path, origin in (
        ("/open", "https://b.test"),
        ("/open", "https://evil.test/.a.test"),
        ("/open", "http://shop.a.test"),
        ("/open", BAD),
        ("/shut", GOOD),
    ):
        status, found = ask(stack.port, "OPTIONS", path, origin=origin, **wants)
        assert (status, "allow-origin" in found) == (200, False), (path, origin)
    assert backends["one"].seen == []
    assert ask(stack.port, "GET", "/open", origin=GOOD) == (200, OF_GOOD)
    assert ask(stack.port, "GET", "/open", origin=BAD) == (200, {})
    assert [each["path"] for each in backends["one"].seen] == ["/open", "/open"], json.dumps(backends["one"].seen)
