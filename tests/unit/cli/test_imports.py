"""What a command costs before it does anything, in modules and not in seconds, which differ from machine to machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from egxds.cli.application import application
from egxds.names import VERSION_HEADER

HEAVY = {
    "anyio",
    "asyncio",
    "betterproto2",
    "cryptography",
    "egxds.app",
    "egxds.settings",
    "envoy",
    "google",
    "grpclib",
    "prometheus_client",
    "pydantic",
    "re2",
    "starlette",
    "structlog",
    "uvicorn",
    "watchfiles",
}
"""Packages of which each costs as much as all that a command may cost that needs none of them."""

LISTS = HEAVY | {"rich", "yaml"}
ANSWERS: dict[str, object] = {
    "/readyz": "ok",
    "/api/v1/clients": {"items": [], "nacks": []},
    "/api/v1/config_dump": {"items": []},
    "/api/v1/fleet/envoys": {"faults": [], "items": []},
    "/api/v1/hooks": {"items": []},
    "/api/v1/resync": {"items": []},
    "/api/v1/follow-store": {"reason": "", "source": {"read": 1, "generation": 1}},
    "/api/v1/status": {
        "ok": True,
        "troubles": [],
        "troubleCount": 0,
        "gateways": [],
        "kinds": [],
        "hooks": [],
        "envoys": [],
        "backends": {"unknown": "nobody is asked", "envoys": []},
        "source": None,
    },
    "/api/v1/describe": {
        "object": {
            "kind": "",
            "apiVersion": "",
            "metadata": {"namespace": "", "name": "", "generation": 1},
            "source": None,
        },
        "state": "fine",
        "attachedRouteCount": 0,
        "resourceCount": 0,
        "envoyCount": 0,
        "backends": None,
        **dict.fromkeys(("troubles", "attachedRoutes", "resources", "envoys", "hooks", "failedHooks"), ()),
    },
}

_PRINT_MODULES = """
import json, sys, atexit
sys.argv = ["egxds", *json.loads(sys.argv[1])]
atexit.register(lambda: print("MODULES", json.dumps(sorted(sys.modules)), file=sys.stderr))
import egxds.__main__
from egxds.cli.application import application
from egxds.names import VERSION_HEADER
application(prog_name="egxds")
"""


class _Daemon(BaseHTTPRequestHandler):
    """Answers as a daemon that has nothing to tell."""

    def do_GET(self) -> None:
        body = json.dumps(ANSWERS[self.path.partition("?")[0]]).encode()
        self.send_response(200)
        self.send_header(VERSION_HEADER, "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 the name that http.server calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def admin() -> Iterator[str]:
    """The address of an admin API."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Daemon) as server:
        thread = Thread(target=partial(server.serve_forever, 0.05))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def modules(*arguments: str) -> set[str]:
    """Run a command in an interpreter of its own, and return what it imported."""
    command = [sys.executable, "-c", _PRINT_MODULES, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.rpartition("MODULES ")[2]))


def heavy(found: set[str], of: set[str]) -> set[str]:
    """Return which packages are among the modules."""
    return {package for package in of if any(f"{name}.".startswith(f"{package}.") for name in found)}


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["-h"], ["completion", "bash"]], ids=" ".join)
def test_what_needs_nothing(words: list[str]) -> None:
    """It loads the command line, and nothing to ask with."""
    found = modules(*words)
    assert heavy(found, LISTS) == set()
    assert len(found) < 230


@pytest.mark.parametrize("name", sorted(application.commands))
def test_help(name: str) -> None:
    """The help of a command is there as fast, whatever the command does."""
    assert heavy(modules(name, "--help"), LISTS | {"http.client"}) == set()


@pytest.mark.parametrize(
    "words",
    [
        *(["clients"], ["hooks"], ["resync"], ["follow-store"], ["status"], ["describe", "httproute/shop"]),
        *(["healthcheck"], ["dump", "-o", "json"]),
    ],
    ids=" ".join,
)
def test_what_asks_a_daemon(admin: str, words: list[str]) -> None:
    """It asks by the standard library, and what it does not print costs nothing."""
    found = modules(*words, "--admin", admin)
    assert heavy(found, LISTS) == set()
    assert len(found) < 320


def test_address_from_a_settings_file(admin: str, tmp_path: Path) -> None:
    """The file says where the daemon is; what else it says is the daemon's to check."""
    config = tmp_path / "egxds.yaml"
    config.write_text(f"admin: {{address: '{admin}'}}\n")
    assert heavy(modules("clients", "-c", str(config)), HEAVY) == set()


def test_signals_are_handled_before_anything_is_imported() -> None:
    """What the kernel throws away for the first process of a container is what comes before that."""
    program = "import sys; import egxds.__main__; print(*(name for name in sys.modules if name.startswith('egxds')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) == {"egxds", "egxds.__main__"}
