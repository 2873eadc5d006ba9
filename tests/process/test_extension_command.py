"""`egxds extension serve`: the same object as a server of its own, asked as egxds and as Envoy Gateway ask."""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.extension import Route, VirtualHost
from egxds.extension.project import write_project
from egxds.generated.envoygateway import extension
from egxds.generated.grpc.health.v1 import HealthCheckRequest, HealthCheckResponseServingStatus, HealthStub
from tests.envoy.certificates import Authority
from tests.envoy.processes import Child
from tests.envoy.waiting import wait_for

pytestmark = pytest.mark.anyio

OBJECT = "greeting:Greetings"
ANYWHERE = "127.0.0.1:0"
GREETING = extension.ExtensionResource(b'{"spec": {"text": "hello"}}')


class Server(Child):
    """`egxds extension serve` in a project."""

    def __init__(self, project: Path) -> None:
        super().__init__("extension server", project / "server.log")
        self._project = project

    def launch(self, target: str, listen: str, *options: str) -> None:
        """Start it, with the hooks of the project."""
        command = [sys.executable, "-m", "egxds", "extension", "serve", target, "--listen", listen]
        self.spawn([*command, "--path", str(self._project / "hooks"), *options])

    def wait_listening(self) -> None:
        """Wait until it says so."""

        def listens() -> bool:
            self.assert_alive()
            return "app.listening" in self.log

        wait_for(listens, "the extension server to listen")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `egxds extension new` writes, but for the stubs."""
    write_project(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def server(project: Path) -> Iterator[Server]:
    """One that is not started yet."""
    server = Server(project)
    yield server
    server.discard()


def about(route: str, *objects: extension.ExtensionResource) -> extension.PostRouteModifyRequest:
    """Ask about a route."""
    context = extension.PostRouteExtensionContext(extension_resources=list(objects))
    return extension.PostRouteModifyRequest(Route(name=route).SerializeToString(), context)


async def test_it_answers_and_says_how_it_is(server: Server, project: Path) -> None:
    """Answers, refusals and what there is no function for, each with its status; health; and SIGTERM ends it with 0."""
    server.launch(OBJECT, f"unix:{project}/s.sock")
    server.wait_listening()
    async with Channel(path=str(project / "s.sock")) as channel:
        stub = extension.EnvoyGatewayExtensionStub(channel)
        route = Route.FromString((await stub.post_route_modify(about("a", GREETING))).route or b"")
        assert [added.header.value for added in route.response_headers_to_add] == ["hello"]
        host = extension.PostVirtualHostModifyRequest(VirtualHost(name="shop/web/http/a").SerializeToString())
        asked = VirtualHost.FromString((await stub.post_virtual_host_modify(host)).virtual_host or b"")
        assert [added.header.value for added in asked.response_headers_to_add] == ["web"]
        with pytest.raises(GRPCError) as refused:
            await stub.post_route_modify(about("a", extension.ExtensionResource(b'{"spec": {}}')))
        assert (refused.value.status, refused.value.message) == (
            Status.FAILED_PRECONDITION,
            "a Greeting needs spec.text",
        )
        with pytest.raises(GRPCError) as missing:
            await stub.post_cluster_modify(extension.PostClusterModifyRequest())
        assert missing.value.status is Status.UNIMPLEMENTED
        answer = await HealthStub(channel).check(HealthCheckRequest())
        assert answer.status is HealthCheckResponseServingStatus.SERVING
    assert server.stop() == 0
    assert not (project / "s.sock").exists()


def test_it_speaks_tls_and_reads_renewed_certificates(server: Server, project: Path) -> None:
    """A client without a certificate is turned away where one is asked for; SIGHUP is enough for a new one."""
    authority = Authority()
    own, client = authority.issue("authz.example"), authority.issue("egxds")
    (project / "ca.pem").write_text(authority.cert)
    (project / "cert.pem").write_text(own.cert)
    (project / "key.pem").write_text(own.key)
    (project / "client.pem").write_text(client.cert + client.key)
    files = {"--cert": "cert.pem", "--key": "key.pem", "--client-ca": "ca.pem"}
    options = [word for option, name in files.items() for word in (option, str(project / name))]
    server.launch(OBJECT, ANYWHERE, *options)
    server.wait_listening()
    port = int(server.log.split("127.0.0.1:")[1].split('"')[0])

    def names(*, shown: bool = True) -> tuple[str, ...]:
        context = ssl.create_default_context(cadata=authority.cert)
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        if shown:
            context.load_cert_chain(project / "client.pem")
        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        with context.wrap_socket(connection, server_hostname="authz.example") as tls:
            found: Any = tls.getpeercert()
            # That a certificate is missing comes in the place of the first byte.
            is_served = False
            with contextlib.suppress(ssl.SSLError):
                is_served = tls.recv(1) != b""
            return tuple(name for _, name in found["subjectAltName"]) if is_served else ()

    assert names() == ("authz.example",)
    assert names(shown=False) == ()
    renewed = authority.issue("renewed.example")
    (project / "cert.pem").write_text(renewed.cert)
    (project / "key.pem").write_text(renewed.key)
    server.signal(signal.SIGHUP)
    wait_for(lambda: names() == ("renewed.example",), "the server to have its new certificate")
    (project / "cert.pem").write_text("no certificate")
    server.signal(signal.SIGHUP)
    wait_for(lambda: "wire.certificates_kept" in server.log, "the server to say that it keeps its certificate")
    assert names() == ("renewed.example",)


def broken(project: Path) -> tuple[str, ...]:
    """Misspell a hook."""
    module = project / "hooks" / "greeting.py"
    module.write_text(module.read_text().replace("def virtual_host(", "def virtualhost("))
    return OBJECT, ANYWHERE


def empty(project: Path) -> tuple[str, ...]:
    """Write an object without hooks."""
    (project / "hooks" / "nothing.py").write_text("class Nothing: pass\n")
    return "nothing:Nothing", ANYWHERE


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (broken, 1, "greeting:Greetings: virtualhost is no hook: did you mean virtual_host?"),
        (empty, 1, "nothing:Nothing: defines no hook: there are `async def route(self, route, context)`"),
        (lambda _: ("nope:Nope", ANYWHERE), 1, "ModuleNotFoundError: No module named 'nope'"),
        (lambda _: ("greeting", ANYWHERE), 2, "names no Python object: write package.module:object"),
        (lambda _: (OBJECT, "here"), 1, "--listen: 'here' is no address"),
        (lambda _: (OBJECT, ANYWHERE, "--cert", "c.pem"), 2, "give --cert and --key together"),
        (lambda _: (OBJECT, ANYWHERE, "--cert", "c", "--key", "k"), 1, "--cert, --key: cannot use"),
    ],
    ids=["misspelt", "no hook", "no module", "no object", "no address", "half a pair", "no files"],
)
def test_what_cannot_be_served_is_said(
    server: Server, project: Path, arguments: Callable[[Path], tuple[str, ...]], code: int, said: str
) -> None:
    """At once, with what to do."""
    server.launch(*arguments(project))
    assert (server.wait(), said in server.log) == (code, True), server.log
