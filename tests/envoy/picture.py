"""The picture of the status page in docs/: `python -m tests.envoy.picture` takes it anew, of a daemon and an Envoy."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from egxds.app.envoy import find_envoy
from tests.envoy.backend import EchoBackend
from tests.envoy.chromium import Chromium
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.manifests import backend, gateway, http, http_route
from tests.envoy.processes import ROOT
from tests.envoy.shop import manager
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

PICTURE = ROOT / "docs" / "status-page.png"
_WIDTH, _HEIGHT = 1100, 1250


def take(directory: Path) -> bytes:
    """Return the picture of a shop in which something is wrong.

    Args:
        directory: an empty one.
    """
    with ExitStack() as running:
        workspace = Workspace(directory / "shop")
        echo = running.enter_context(EchoBackend())
        extension = running.enter_context(ExtensionHandle.start())
        workspace.write("gateway.yaml", gateway("web", http(free_port())))
        workspace.write("backend.yaml", backend("echo", echo.port))
        workspace.write("cart.yaml", http_route("cart", "shop.example.com", "echo"))
        workspace.write("search.yaml", http_route("search", "search.example.com", "nowhere"))
        daemon = Daemon(workspace, {"extensionManagers": [manager(extension, "deny")]})
        running.callback(daemon.discard)
        daemon.start()
        envoy = EnvoyProcess(find_envoy(None), daemon.bootstrap(), directory / "envoy")
        running.callback(envoy.discard)
        envoy.start()
        envoy.wait_ready()
        browser = running.enter_context(Chromium(directory))
        browser.picture(_WIDTH, _HEIGHT)  # the size first
        browser.open(f"http://{daemon.settings['admin']['address']}/")
        browser.wait_text("#live", "live")
        workspace.write("cart.yaml", http_route("cart", "cart.example.com", "echo"))
        browser.wait_text("#changes", "HTTPRoute default/cart changed", "taken by envoy-1")
        browser.click("#changes li button")
        browser.wait_text("#changes pre", "cart.example.com")
        browser.wait_text("#objects", "ResolvedRefs: False")
        return browser.picture(_WIDTH, _HEIGHT)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PICTURE.write_bytes(take(Path(scratch)))
    sys.stdout.write(f"{PICTURE}: {PICTURE.stat().st_size} bytes\n")
