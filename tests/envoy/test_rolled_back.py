"""What an Envoy refuses goes back for every Envoy, object by object, until an edit brings what it takes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from egxds.sessions.pending import LONGEST_STEP_S
from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import FRESH, SteadyClient
from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port
from tests.unit.translate.patched import HTTP, LISTENER, patch, policy

pytestmark = pytest.mark.envoy

HOST, OTHER = "shop.test", "zoo.test"
HTTP_FILTERS = "/default_filter_chain/filters/0/typed_config/http_filters"
LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
BROKEN = "function envoy_on_request( end"

StartStrict = Callable[..., EnvoyProcess]


def route(path: str = "/", *, regex: str = "", name: str = "shop", host: str = HOST) -> str:
    """Write a route for a path; or for a regular expression, which may be larger than an Envoy takes."""
    kind, value = ("RegularExpression", regex) if regex else ("PathPrefix", path)
    matches = [{"path": {"type": kind, "value": value}}]
    return manifests.http_route(name, host, "echo", rules=[{"matches": matches, "backendRefs": [REF]}])


REF = manifests.backend_ref("echo")
LARGE = "/(a|b|c|d){100}"
"""An Envoy without a limit of its own in its bootstrap takes regular expressions up to a size of 100."""


def script(code: str) -> dict[str, Any]:
    """Return a patch that adds a filter with a script, which only an Envoy can read."""
    config = {"@type": LUA, "default_source_code": {"inline_string": code}}
    return patch(LISTENER, HTTP, "add", f"{HTTP_FILTERS}/0", value={"name": "script", "typed_config": config})


def adding(header: str) -> str:
    """Return a script that has every answer say something."""
    return f"function envoy_on_response(handle) handle:headers():add('x-patched', '{header}') end"


@pytest.fixture
def start_strict(run_envoy: RunEnvoy) -> StartStrict:
    """Starts Envoys that take no large regular expressions, as those do whose bootstrap does not say otherwise."""

    def start(daemon: Daemon, node_id: str = "envoy-1", *, is_lenient: bool = False) -> EnvoyProcess:
        bootstrap = daemon.bootstrap("default/web", node_id)
        if not is_lenient:
            bootstrap.pop("layered_runtime")
        envoy = run_envoy(bootstrap)
        envoy.wait_ready()
        return envoy

    return start


@pytest.fixture
def daemon(workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon]) -> Daemon:
    """Two hosts at one listener, with settings that ask for patches; it is not started yet."""
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(free_port())))
    workspace.write("shop.yaml", route())
    workspace.write("zoo.yaml", route(name="zoo", host=OTHER))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    return make_daemon(
        sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}},
        extensionApis={"enableEnvoyPatchPolicy": True},
        stateDir=str(workspace.root / "state"),
    )


@pytest.fixture
def shop(workspace: Workspace, daemon: Daemon, start_strict: StartStrict) -> Stack:
    """All of it running."""
    port = json.loads(_port_of(workspace))
    daemon.start()
    found = Stack(workspace, daemon, start_strict(daemon), port)
    for host in (HOST, OTHER):
        found.wait_status(host, 200)
    return found


def _port_of(workspace: Workspace) -> str:
    text = (workspace.routes / "gateway.yaml").read_text()
    return text.partition('"port": ')[2].partition(",")[0]


def item(shop: Stack, kind: str, name: str) -> Any:
    """Return what the admin API shows of an object."""
    page = shop.daemon.admin(f"/api/v1/objects?kind={kind}&namespace=default&name={name}")
    assert page.status == 200, page
    assert len(page.json["items"]) == 1, page
    return page.json["items"][0]


def wait_rolled_back(shop: Stack, kind: str, name: str, words: str) -> Any:
    """Wait until an object is said to be rolled back, in an error with certain words; return what is shown of it."""

    def is_rolled_back() -> Any:
        found = item(shop, kind, name)
        said = [each["message"] for each in found.get("problems", ()) if "refuses" in each["message"]]
        assert said, found
        assert words in said[0], said
        return found

    return wait_for(is_rolled_back, f"{kind} {name} to be rolled back")


def wait_well(shop: Stack) -> None:
    """Wait until nothing is refused, and nothing rolled back."""

    def is_well() -> bool:
        assert shop.daemon.admin("/readyz").text == "ok\n"
        assert "egxds_objects_rolled_back 0.0" in shop.daemon.admin("/metrics").text
        return True

    wait_for(is_well, "all to be well")


def command(shop: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that asks the daemon."""
    run = [sys.executable, "-m", "egxds", *arguments, "--admin", shop.daemon.settings["admin"]["address"]]
    environment = {**os.environ, "COLUMNS": "400"}
    return subprocess.run(run, capture_output=True, text=True, env=environment, timeout=60, check=False)


def rollbacks(shop: Stack) -> list[dict[str, Any]]:
    """Return the lines of the log that say that something was rolled back."""
    return shop.daemon.events("app.rolled_back")


def test_a_route_goes_back_and_everybody_else_goes_on(shop: Stack, start_strict: StartStrict) -> None:
    """The Envoy that comes afterwards serves what was taken last, and an edit beside it goes through."""
    shop.workspace.write("shop.yaml", route(regex=LARGE))
    found = wait_rolled_back(shop, "HTTPRoute", "shop", "generation 1 of it stays in force")
    (parent,) = found["status"]["parents"]
    (condition,) = [each for each in parent["conditions"] if each["type"] == "egxds.io/RolledBack"]
    assert (condition["status"], condition["reason"], condition["observedGeneration"]) == ("True", "Refused", 1)
    assert "shop.yaml:2" in condition["message"]
    assert "max program size" in condition["message"]
    wait_for(lambda: "egxds_objects_rolled_back 1.0" in shop.daemon.admin("/metrics").text, "the metric")
    shop.workspace.write("zoo.yaml", route("/new", name="zoo", host=OTHER))
    shop.wait_status(OTHER, 404)
    shop.envoy.stop()
    late = Stack(shop.workspace, shop.daemon, start_strict(shop.daemon, "envoy-2"), shop.port)
    late.wait_status(HOST, 200)
    late.wait_status(OTHER, 404)
    late.wait_status(OTHER, 200, "/new")
    for arguments in (("status",), ("describe", "httproute/default/shop")):
        shown = command(shop, *arguments)
        assert "generation 1 of it stays in force" in shown.stdout, shown
    shop.workspace.write("shop.yaml", route("/mended"))
    late.wait_status(HOST, 200, "/mended")
    late.wait_status(HOST, 404)
    wait_well(late)
    assert item(shop, "HTTPRoute", "shop")["metadata"]["generation"] == 3


def test_a_patch_goes_back(shop: Stack, start_strict: StartStrict) -> None:
    """No request is lost for it, and none is answered by what was refused."""
    shop.workspace.write("patch.yaml", policy(script(adding("one"))))
    wait_for(lambda: shop.get(HOST).headers.get("x-patched") == "one", "the patch")
    with SteadyClient(shop.port, HOST, headers=FRESH) as client:
        shop.workspace.write("patch.yaml", policy(script(BROKEN)))
        wait_rolled_back(shop, "EnvoyPatchPolicy", "patch", "generation 1 of it stays in force")
        shop.envoy.stop()
        failures = list(client.failures)
    assert failures == [] or all("status" not in each for each in failures)
    late = Stack(shop.workspace, shop.daemon, start_strict(shop.daemon, "envoy-2"), shop.port)
    wait_for(lambda: late.get(HOST).headers.get("x-patched") == "one", "the patch of before")
    shop.workspace.write("patch.yaml", policy(script(adding("two"))))
    wait_for(lambda: late.get(HOST).headers.get("x-patched") == "two", "the patch that was mended")
    wait_well(late)


def test_a_port_that_is_taken_is_no_reason(shop: Stack) -> None:
    """It is tried again, and serves once it is free."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        shop.workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(shop.port), _http(port, "more")))
        wait_for(lambda: "cannot bind" in shop.daemon.admin("/readyz").text, "the refusal")
        wait_for(lambda: len(shop.daemon.events("session.nack")) >= 2, "a try", 6 * LONGEST_STEP_S)
        assert rollbacks(shop) == []
    more = Stack(shop.workspace, shop.daemon, shop.envoy, port)
    more.wait_status(HOST, 200)
    wait_well(shop)
    assert rollbacks(shop) == []


def _http(port: int, name: str) -> dict[str, Any]:
    return manifests.http(port, name)


def test_a_new_policy_that_is_refused_closes_what_it_decides_on(shop: Stack, start_strict: StartStrict) -> None:
    """Also for an Envoy that comes afterwards; nobody else is closed, and an edit that is taken opens it."""
    shop.workspace.write("guard.yaml", _guard(f"http://*.{'long.' * 30}test"))
    wait_rolled_back(shop, "SecurityPolicy", "guard", "what it decides on is denied")
    shop.wait_status(HOST, 500)
    assert shop.get(OTHER).status == 200
    late = Stack(shop.workspace, shop.daemon, start_strict(shop.daemon, "envoy-2"), shop.port)
    shop.envoy.stop()
    late.wait_status(HOST, 500)
    with SteadyClient(shop.port, HOST) as client:
        client.wait_for_more()
    assert client.served == 0
    shop.workspace.write("guard.yaml", _guard("http://a.test"))
    late.wait_status(HOST, 200)
    wait_well(late)


def _guard(origin: str) -> str:
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "shop"}
    spec = {"targetRefs": [target], "cors": {"allowOrigins": [origin]}}
    head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: guard}\n"
    return f"{head}spec: {json.dumps(spec)}\n"


def test_new_patches_that_are_refused_close_what_they_patch(shop: Stack) -> None:
    """They may have been to ask who somebody is."""
    shop.workspace.write("patch.yaml", policy(script(BROKEN)))
    wait_rolled_back(shop, "EnvoyPatchPolicy", "patch", "what it decides on is denied")
    shop.wait_status(HOST, 500)
    shop.workspace.write("patch.yaml", policy(script(adding("yes"))))
    shop.wait_status(HOST, 200)
    wait_well(shop)


def test_somebody_who_knows_better_has_it_tried(shop: Stack, start_strict: StartStrict) -> None:
    """SIGHUP and `egxds resync` try it once; where it is refused again, it goes back again."""
    shop.workspace.write("shop.yaml", route(regex=LARGE))
    wait_for(lambda: len(rollbacks(shop)) == 1, "the edit to go back")
    wait_rolled_back(shop, "HTTPRoute", "shop", "stays in force")
    shop.daemon.signal(signal.SIGHUP)
    wait_for(lambda: len(rollbacks(shop)) == 2, "it to go back again")
    wait_rolled_back(shop, "HTTPRoute", "shop", "stays in force")
    result = command(shop, "resync")
    assert "tries what is rolled back: 1 object" in result.stderr
    wait_for(lambda: len(rollbacks(shop)) == 3, "it to go back once more")
    wait_rolled_back(shop, "HTTPRoute", "shop", "stays in force")
    shop.envoy.stop()
    lenient = Stack(shop.workspace, shop.daemon, start_strict(shop.daemon, is_lenient=True), shop.port)
    lenient.wait_status(HOST, 200)
    assert command(shop, "resync").returncode == 0
    lenient.wait_status(HOST, 404)
    lenient.wait_status(HOST, 200, "/" + 100 * "a")
    wait_well(lenient)
    assert len(rollbacks(shop)) == 3


def test_what_another_envoy_takes_is_not_gone_back_on(shop: Stack, start_strict: StartStrict) -> None:
    """The one that refuses it is asked again, and is said to refuse it."""
    shop.envoy.stop()
    shop.workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(free_port())))
    start_strict(shop.daemon, "lenient", is_lenient=True)
    shop.workspace.write("shop.yaml", route(regex=LARGE))
    wait_for(lambda: item(shop, "HTTPRoute", "shop")["metadata"]["generation"] == 2, "the edit")
    wait_for(lambda: len(shop.daemon.events("snapshot.published")) >= 3, "the edit to be published")
    start_strict(shop.daemon, "strict")
    wait_for(lambda: "'strict' refuses route" in shop.daemon.admin("/readyz").text, "the refusal")
    wait_for(lambda: len(shop.daemon.events("session.nack")) >= 2, "a try", 6 * LONGEST_STEP_S)
    assert rollbacks(shop) == []


def test_it_stays_rolled_back_over_a_restart(shop: Stack, start_strict: StartStrict) -> None:
    """What it was is in `stateDir`; so a new Envoy is served it by a new daemon."""
    shop.workspace.write("shop.yaml", route(regex=LARGE))
    wait_rolled_back(shop, "HTTPRoute", "shop", "stays in force")
    kept = shop.workspace.root / "state" / "input.last-good"
    wait_for(lambda: b'"barred"' in kept.read_bytes(), "it to be kept")
    shop.daemon.kill()
    shop.envoy.stop()
    shop.daemon.start()
    late = Stack(shop.workspace, shop.daemon, start_strict(shop.daemon, "envoy-2"), shop.port)
    late.wait_status(HOST, 200)
    wait_rolled_back(late, "HTTPRoute", "shop", "stays in force")
    shop.workspace.write("shop.yaml", route("/mended"))
    late.wait_status(HOST, 200, "/mended")
    wait_well(late)


def test_an_edit_while_egxds_was_away_goes_back(shop: Stack, start_strict: StartStrict) -> None:
    """What was in force before is in `stateDir`, as is asked of a restart that brings other files."""
    kept = shop.workspace.root / "state" / "input.last-good"
    wait_for(lambda: b"zoo.test" in kept.read_bytes(), "the input to be kept")
    shop.daemon.kill()
    shop.workspace.write("shop.yaml", route(regex=LARGE))
    shop.daemon.start()
    wait_rolled_back(shop, "HTTPRoute", "shop", "stays in force")
    shop.envoy.stop()
    late = Stack(shop.workspace, shop.daemon, start_strict(shop.daemon, "envoy-2"), shop.port)
    late.wait_status(HOST, 200)


def test_of_many_edits_at_once_only_the_bad_ones_go_back(shop: Stack) -> None:
    """A checkout brings them together; the others are in force a moment later."""
    for number in range(8):
        bad = {"regex": LARGE} if number in (1, 6) else {}
        shop.workspace.write(f"new{number}.yaml", route(name=f"new{number}", host=f"new{number}.test", **bad))
    for number in range(8):
        if number not in (1, 6):
            shop.wait_status(f"new{number}.test", 200)
    for number in (1, 6):
        wait_rolled_back(shop, "HTTPRoute", f"new{number}", "it is not in force")
    wait_for(lambda: "egxds_objects_rolled_back 2.0" in shop.daemon.admin("/metrics").text, "the metric")
    wait_for(lambda: shop.daemon.admin("/readyz").text == "ok\n", "nothing to be refused")
