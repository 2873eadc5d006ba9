"""A backend that an Envoy cannot connect to is found with one command, which names it and its line."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

_LIMIT_S = 60.0
Done = subprocess.CompletedProcess[str]


def run(daemon: Daemon, *arguments: str) -> Done:
    """Run a command as a user would."""
    command = [sys.executable, "-m", "egxds", *arguments, "--admin", daemon.settings["admin"]["address"]]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)


def shop(workspace: Workspace, port: int, backend_port: int) -> None:
    """Write a host with a backend."""
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("app.yaml", manifests.http_route("app", "app.test", "app"))
    workspace.write("backend.yaml", manifests.backend("app", backend_port))


def ask_of_backends(daemon: Daemon, envoy: EnvoyProcess) -> None:
    """Have the daemon ask an Envoy, whose port is its own choice: it is in the settings, for the next start."""
    daemon.settings["envoys"] = [{"admin": envoy.admin_address}]
    daemon.write_settings()
    daemon.stop()
    daemon.start()


def test_wrong_port(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, backend: EchoBackend
) -> None:
    """One request that fails is enough; after the port is mended, so is what the commands say."""
    port, wrong = free_port(), free_port()
    shop(workspace, port, wrong)
    daemon = make_daemon()
    daemon.start()
    envoy = start_envoy(daemon)
    unasked = run(daemon, "status")
    assert unasked.returncode == 0, unasked
    assert "not known, as no Envoy is asked" in unasked.stdout
    ask_of_backends(daemon, envoy)
    wait_for(lambda: http_get(port, "app.test").status == 503, "the request to fail")

    def is_told() -> Any:
        page = run(daemon, "status")
        words = (
            rf"^error: Envoy \({envoy.admin_address}\) cannot connect to 127\.0\.0\.1:{wrong}: \d+ failures? and no "
            r"success, since \S+.*; cluster httproute/default/app/rule/0 of HTTPRoute default/app rule 0 "
            r"\(\S*app\.yaml:\d+\), Backend default/app \(\S*backend\.yaml:\d+\)$"
        )
        return page.returncode == 1 and re.search(words, page.stdout, re.M)

    wait_for(is_told, "the page to name the backend")
    for command in (
        ("describe", "httproute/app"),
        ("describe", "backend/app"),
        ("status", "backend"),
        ("explain", f"http://app.test:{port}/"),
    ):
        told = run(daemon, *command)
        assert told.returncode == 1, told
        assert f"cannot connect to 127.0.0.1:{wrong}" in told.stdout
    shop(workspace, port, backend.port)
    wait_for(lambda: http_get(port, "app.test").status == 200, "the request to be served")

    def is_fine() -> bool:
        page = run(daemon, "status")
        return page.returncode == 0 and f"Envoy ({envoy.admin_address}): finds 1 of 1 endpoints fine" in page.stdout

    wait_for(is_fine, "the page to be fine")


def test_backend_that_comes(workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy) -> None:
    """A fault ends with the first request that gets through, though no file changes."""
    port, backend_port = free_port(), free_port()
    shop(workspace, port, backend_port)
    daemon = make_daemon()
    daemon.start()
    envoy = start_envoy(daemon)
    ask_of_backends(daemon, envoy)
    wait_for(lambda: http_get(port, "app.test").status == 503, "the request to fail")
    wait_for(lambda: run(daemon, "status").returncode == 1, "the page to say so")
    with EchoBackend(port=backend_port):
        wait_for(lambda: http_get(port, "app.test").status == 200, "the request to be served")
        wait_for(lambda: run(daemon, "status").returncode == 0, "the page to be fine")


@contextmanager
def answering(answer: bytes, *, forever: bool = False) -> Iterator[str]:
    """Answer every connection with some bytes, once or without end, and return where."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        connection.sendall(answer)
                        while forever and not over.is_set():
                            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                        if not answer:
                            over.wait(_LIMIT_S)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
_ESCAPES = b'HTTP/1.1 200 OK\r\ncontent-length: 31\r\nconnection: close\r\n\r\n{"cluster_statuses": "\x1b[31mX"}  '


@pytest.mark.parametrize(
    ("answer", "forever", "words"),
    [
        pytest.param(b"", False, "no answer within 2 s", id="silent"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", False, "speaks no HTTP/1.1", id="no HTTP"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", False, "it answers 404", id="no page"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", False, "is not Envoy's page", id="another page"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n" + b"[" * 60000, False, "is not Envoy's page", id="deep"
        ),
        pytest.param(_ESCAPES, False, "is not Envoy's page", id="escapes"),
        pytest.param(_HEAD, True, "its answer is over 8 MiB", id="without end"),
    ],
)
def test_what_is_no_envoy(
    workspace: Workspace, make_daemon: Callable[..., Daemon], answer: bytes, forever: bool, words: str
) -> None:
    """It is said, and the rest of the page is there: a warning, as nothing is known to be wrong."""
    shop(workspace, free_port(), free_port())
    with answering(answer, forever=forever) as address:
        daemon = make_daemon(envoys=[{"admin": address}])
        daemon.start()
        page = run(daemon, "status")
        found = json.loads(run(daemon, "status", "-o", "json").stdout)
    assert page.returncode == 0, page
    assert re.search(rf"^warning: Envoy \({address}\) cannot be asked.*{re.escape(words)}", page.stdout, re.M), page
    assert found["backends"]["envoys"][0]["endpoints"] == 0
