"""The status page in a browser: live, whatever strangers call their things, and without a complaint of the browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.chromium import Chromium
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.shop import manager
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOSTILE = "<img src=x onerror=window.harmed=1>"
KIND = "<script>window.harmed=1</script>"
HARMED = "window.harmed === 1 || document.querySelector('main img, main script') !== null"


@pytest.fixture
def extension() -> Iterator[ExtensionHandle]:
    """A working extension server."""
    with ExtensionHandle.start() as running:
        yield running


@pytest.fixture
def files(workspace: Workspace, backend: EchoBackend) -> Workspace:
    """A Gateway with one route."""
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("route.yaml", http_route("shop", "one.test", "echo"))
    return workspace


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    """A browser that is to have nothing to complain of."""
    with Chromium(tmp_path) as running:
        yield running
        running.run("1")  # hear what there is to hear
        assert running.complaints == []


def url_of(daemon: Daemon) -> str:
    """Return where the page is."""
    return f"http://{daemon.settings['admin']['address']}/"


def test_what_there_is_and_what_changes(
    files: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, browser: Chromium
) -> None:
    """A Gateway, its route, the Envoy; an edit, its diff and a mistake with file and line appear without a reload."""
    daemon = make_daemon()
    daemon.start()
    start_envoy(daemon)
    browser.open(url_of(daemon))
    browser.wait_text("#live", "live, egxds")
    browser.wait_text("#gateways", "default/web", "127.0.0.1", "http 1 routes", "Programmed: True", "gateway.yaml:2")
    browser.wait_text("#objects", "default/shop", "at web", "Accepted: True", "route.yaml:2")
    browser.wait_text("#envoys", "envoy-1", "route: SYNCED")
    browser.wait_text("#problems", "None.")
    browser.run("window.isSame = true")
    files.write("route.yaml", http_route("shop", "two.test", "echo"))
    browser.wait_text("#changes li", "HTTPRoute default/shop changed", "route default/web/http changed")
    browser.wait_text("#changes li", "taken by envoy-1 after")
    browser.click("#changes li button")
    browser.wait_text("#changes li pre", '-    "one.test"', '+    "two.test"')
    broken = http_route("shop", "two.test", "echo").replace("hostnames", "hostnames_")
    files.write("route.yaml", broken)
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if "hostnames_" in text)
    browser.wait_text("#problems", f"route.yaml:{line}", "hostnames_")
    browser.wait_text("#objects", f"route.yaml:{line}")
    assert browser.run("window.isSame")


def test_what_an_envoy_refuses_and_a_hook_that_fails(
    files: Workspace,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
    browser: Chromium,
    extension: ExtensionHandle,
) -> None:
    """Both show while they last."""
    daemon = make_daemon(extensionManagers=[manager(extension, "deny")])
    daemon.start()
    start_envoy(daemon)
    browser.open(url_of(daemon))
    browser.wait_text("#hooks", "authz Route", "healthy")
    extension.set_mode("unavailable")
    files.write("route.yaml", http_route("shop", "two.test", "echo"))
    browser.wait_text("#hooks", "failing", "(deny)")
    browser.wait_text("#changes", "hooks of default/web: denied")
    extension.set_mode("ok")
    browser.wait_text("#changes li", "hooks of default/web: accepted")


def test_names_of_strangers_stay_text(
    files: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, browser: Chromium
) -> None:
    """Of files, of objects, and of Envoys."""
    daemon = make_daemon()
    daemon.start()
    start_envoy(daemon, node_id=HOSTILE)
    files.write(
        f"{HOSTILE.replace('/', '')}.yaml",
        f"{{apiVersion: odd/v1, kind: {KIND}, metadata: {{name: a}}}}\n",
    )
    files.write("odd.yaml", http_route(HOSTILE, "one.test", "echo"))
    browser.open(url_of(daemon))
    browser.wait_text("#envoys", HOSTILE)
    browser.wait_text("#problems", HOSTILE, "<script>")
    browser.wait_text("#changes", HOSTILE)
    assert not browser.run(HARMED)


def test_searching_and_turning_pages(files: Workspace, make_daemon: Callable[..., Daemon], browser: Chromium) -> None:
    """By keyboard; a page at a time, of any number of routes."""
    daemon = make_daemon()
    files.write("many.yaml", "".join(http_route(f"r-{number:03}", f"h{number}.test", "echo") for number in range(120)))
    daemon.start()
    browser.open(url_of(daemon))
    browser.wait_text("#objects", "default/r-000", "default/r-049")
    assert browser.run("document.querySelectorAll('#objects tbody tr').length") == 50
    browser.click("#objects .pages button")
    browser.wait_text("#objects", "default/r-050", "Back")
    browser.press("/")
    assert browser.run("document.activeElement.id") == "search"
    browser.fill("#search", "h117.TEST")
    browser.wait_text("#objects", "default/r-117")
    wait_for(lambda: browser.run("document.querySelectorAll('#objects tbody tr').length") == 1, "one route")


def test_anybody_can_use_it(files: Workspace, make_daemon: Callable[..., Daemon], browser: Chromium) -> None:
    """Landmarks, names for tables and fields, headers of columns, and colours of both kinds."""
    daemon = make_daemon()
    daemon.start()
    browser.open(url_of(daemon))
    browser.wait_text("#gateways", "default/web")
    look = """(() => {
      const missing = [];
      for (const tag of ["header", "nav", "main", "h1"]) if (!document.querySelector(tag)) missing.push(tag);
      for (const one of document.querySelectorAll("section")) {
        if (!document.getElementById(one.getAttribute("aria-labelledby"))) missing.push(`name of ${one.id}`);
      }
      for (const one of document.querySelectorAll("table")) {
        if (!one.getAttribute("aria-label") || one.querySelector("thead th:not([scope=col])")) missing.push("table");
      }
      for (const one of document.querySelectorAll("input, select")) if (!one.labels.length) missing.push(one.id);
      return missing;
    })()"""
    assert browser.run(look) == []
    assert browser.run("document.documentElement.lang") == "en"
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_it_is_dark_for_who_prefers_that(files: Workspace, make_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """As the system says."""
    daemon = make_daemon()
    daemon.start()
    with Chromium(tmp_path, "dark") as browser:
        browser.open(url_of(daemon))
        browser.wait_text("#gateways", "default/web")
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"


def test_it_goes_on_when_the_daemon_restarts(
    files: Workspace, make_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    """And says so meanwhile."""
    daemon = make_daemon()
    daemon.start()
    with Chromium(tmp_path) as browser:
        browser.open(url_of(daemon))
        browser.wait_text("#live", "live")
        daemon.stop()
        browser.wait_text("#live", "does not answer")
        files.write("route.yaml", http_route("later", "two.test", "echo"))
        daemon.start()
        browser.wait_text("#live", "live")
        browser.wait_text("#objects", "default/later")
        assert json.loads(browser.run("JSON.stringify(document.querySelectorAll('#changes li').length)")) >= 1
