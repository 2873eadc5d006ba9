"""egxds as somebody has it who installed it: in a venv of its own, run outside of the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from egxds import __version__
from tests.envoy.client import http_get
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.processes import ROOT, Child
from tests.envoy.waiting import wait_for
from tests.ports import free_port

SUITES = ("tests/unit/yaml_input", "tests/unit/settings", "tests/golden")
"""Tests that take seconds and read, check and translate everything."""

UV = (sys.executable, "-m", "uv")
"""It installs in seconds what takes pip a minute."""

TOOLS = ("pytest>=8.3", "pytest-timeout>=2.3", "hypothesis>=6.100", "jsonschema>=4.18")
"""What these tests need."""

_HOOKS = """
class Hooks:
    async def virtual_host(self, host, context):
        header = host.response_headers_to_add.add().header
        header.key, header.value = "x-gateway", context.gateway.name
        return host
"""
_REDIRECT = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "elsewhere.test"}}]}
_LIMIT_S = 300.0
_START_LIMIT_S = 60.0


class Installed:
    """A venv.

    Attributes:
        directory: where its programs are run.
    """

    def __init__(self, directory: Path, interpreter: str = sys.executable) -> None:
        """Make it, below a directory of its own."""
        self.directory = directory
        self._bin = directory / "venv" / "bin"
        self._run([*UV, "venv", "--quiet", "--python", interpreter, str(directory / "venv")])

    def install(self, requirements: Iterable[str], options: Sequence[str] = ()) -> None:
        """Install something."""
        self._run([*UV, "pip", "install", "--quiet", "--python", str(self._bin / "python"), *options, *requirements])

    def egxds(self, *arguments: str) -> str:
        """Run the command, which is to succeed; return what it prints."""
        return self._run([str(self._bin / "egxds"), *arguments])

    def run_suites(self, *names: str) -> str:
        """Run tests of the repository with the libraries of the venv; return what pytest prints."""
        # Backends of anyio that are not installed are asked for by its older versions.
        options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not trio"]
        return self._run([str(self._bin / "python"), *options, *names], ROOT)

    def start(self, name: str, *arguments: str) -> Child:
        """Start the command."""
        child = Child(name, self.directory / f"{name}.log")
        child.spawn(["/usr/bin/env", "-C", str(self.directory), str(self._bin / "egxds"), *arguments])
        return child

    def _run(self, command: Sequence[str], directory: Path | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=directory or self.directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout[-4000:], done.stderr[-4000:])
        return done.stdout


def environment() -> dict[str, str]:
    """Return that of a user: nothing of the repository is imported by accident, and uv asks the index that pip asks."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    for of_pip, of_uv in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_FIND_LINKS", "UV_FIND_LINKS")):
        if of_pip in found:
            found.setdefault(of_uv, found[of_pip])
    return found


def check_commands(installed: Installed) -> None:
    """Those that ask nobody do what they are for."""
    routes = str(ROOT / "config" / "quickstart" / "routes")
    assert installed.egxds("--version").strip() == f"egxds {__version__}"
    assert "healthcheck" in installed.egxds("--help")
    assert installed.egxds("validate", routes) == ""
    shown = installed.egxds("translate", "-t", "route", routes)
    assert "name: httproute/default/hello/rule/0/match/0/*" in shown
    assert "listener" not in shown.partition("\n")[0]


def check_serving(installed: Installed, envoy: Path, isolation: str) -> None:
    """A real Envoy answers as a route and a hook in Python have it.

    Args:
        installed: what is tried.
        envoy: the binary.
        isolation: where the hook runs.
    """
    port, settings = free_port(), installed.directory / f"{isolation}.yaml"
    _write_site(installed.directory, port)
    service = {"python": "shop_hooks:Hooks", "path": [str(installed.directory)], "isolation": isolation}
    settings.write_text(
        json.dumps(
            {
                "sources": {"files": {"paths": ["routes/"]}},
                "xds": {"address": f"127.0.0.1:{free_port()}"},
                "admin": {"address": f"127.0.0.1:{free_port()}"},
                "extensionManagers": [
                    {"name": "shop", "service": service, "hooks": {"xdsTranslator": {"post": ["VirtualHost"]}}}
                ],
            }
        )
    )
    options = ["--envoy", str(envoy), "--envoy-admin-port", str(free_port())]
    daemon = installed.start(isolation, "up", "-c", str(settings), *options)
    try:
        wait_for(lambda: _answers(daemon, port), "the answer of the route and the hook", deadline_s=_START_LIMIT_S)
        installed.egxds("healthcheck", "-c", str(settings))
        assert "RouteConfiguration" in installed.egxds("clients", "-c", str(settings), "-o", "json")
        assert daemon.stop() == 0
    finally:
        daemon.discard()


def _write_site(directory: Path, port: int) -> None:
    routes = directory / "routes"
    routes.mkdir(exist_ok=True)
    (routes / "gateway.yaml").write_text(gateway("web", http(port)))
    (routes / "route.yaml").write_text(http_route("shop", "shop.test", "", rules=[_REDIRECT]))
    (directory / "shop_hooks.py").write_text(_HOOKS)


def _answers(daemon: Child, port: int) -> bool:
    daemon.assert_alive()
    answer = http_get(port, "shop.test")
    assert answer.headers.get("location") == f"http://elsewhere.test:{port}/", answer
    return answer.headers.get("x-gateway") == "web"
