"""An InferencePool whose servers are chosen by an endpoint picker, by the hooks of Envoy AI Gateway's extension server.

Its binary is not here to run: `tests/envoy/inference_servers.py` stands in for it and for the picker.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import Answer, http_get
from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.inference_servers import CHOICE
from tests.envoy.model_server import ModelServer
from tests.envoy.processes import ROOT, Child
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

EXAMPLE = ROOT / "config" / "examples" / "ai-gateway"


class Servers(Child):
    """The stand-ins.

    Attributes:
        port: of the extension server.
    """

    def __init__(self, directory: Path) -> None:
        """Describe them; `start` starts them."""
        super().__init__("inference servers", directory / "inference-servers.log")
        self.port = free_port()
        self._picker = free_port()
        self._files = directory / "picker.crt", directory / "picker.key"
        pair = Authority().issue("picker.test")
        for file, text in zip(self._files, (pair.cert, pair.key), strict=True):
            file.write_text(text)

    def start(self) -> None:
        """Start them, and wait until they listen."""
        cert, key = map(str, self._files)
        ports = ["--listen", str(self.port), "--picker", str(self._picker)]
        self.spawn([sys.executable, "-m", "tests.envoy.inference_servers", *ports, "--cert", cert, "--key", key])
        wait_for(lambda: all(map(_listens, (self.port, self._picker))), "the stand-ins to listen")


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """The stand-ins, which are not started."""
    servers = Servers(tmp_path)
    yield servers
    servers.discard()


class Example(Daemon):
    """`egxds serve` with the settings file of the example, on free ports."""

    extension_port = 0

    def write_settings(self) -> None:
        """Write them."""
        file = yaml.safe_load((EXAMPLE / "envoy-gateway.yaml").read_text())
        file["provider"]["custom"]["resource"]["file"]["paths"] = self.settings["sources"]["files"]["paths"]
        file["extensionManager"]["service"]["fqdn"]["port"] = self.extension_port or free_port()
        file["egxds"] = {key: self.settings[key] for key in ("xds", "admin")}
        self.settings_path.write_text(yaml.safe_dump(file))


@pytest.fixture
def example(workspace: Workspace, servers: Servers) -> Iterator[Example]:
    """A daemon that is not started."""
    daemon = Example(workspace)
    daemon.extension_port = servers.port
    daemon.write_settings()
    yield daemon
    daemon.discard()


QUESTION = "a long question " * 10_000
"""More than goes through in one piece."""


def _chat(port: int, server: ModelServer, question: str) -> Answer:
    """Ask a model, and have the picker pick a server."""
    request = Request(f"http://127.0.0.1:{port}/v1/chat", question.encode(), {CHOICE: f"127.0.0.1:{server.port}"})
    try:
        with urlopen(request, timeout=20) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read().decode())
    except HTTPError as err:
        return Answer(err.code, dict(err.headers), err.read().decode())


def test_the_picker_says_which_server_of_a_pool_answers(
    workspace: Workspace, servers: Servers, example: Example, run_envoy: RunEnvoy
) -> None:
    """Request by request; a route that leads elsewhere asks nobody. Without the extension the pool answers 500."""
    port = free_port()
    with ExitStack() as stack:
        first, second = (stack.enter_context(ModelServer(name)) for name in ("first", "second"))
        health = stack.enter_context(EchoBackend("health"))
        routes = (EXAMPLE / "routes" / "models.yaml").read_text()
        workspace.write("models.yaml", routes.replace("8080", str(port)).replace("3000", str(health.port)))
        example.start()
        envoy = run_envoy(example.bootstrap("default/models"))
        envoy.wait_ready()
        assert _chat(port, first, "hello").status == 500

        servers.start()
        wait_for(lambda: _chat(port, first, "hello").status == 200, "the pool to be served")
        for server in (first, second, first):
            assert _chat(port, server, QUESTION).json == {"backend": server.name, "body": QUESTION}
        assert http_get(port, "models.test", "/health").json["backend"] == "health"
        assert example.events("session.nack") == []
