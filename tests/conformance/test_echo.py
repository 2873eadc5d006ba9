"""The replay's own backends and clients, face to face: what the suite sees through Envoy is seen here without it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.conformance import networks
from tests.conformance.certificates import issue
from tests.conformance.clients import grpc, streams
from tests.conformance.clients.connect import Tls
from tests.conformance.clients.http import HttpRequest, send
from tests.conformance.echo import backends
from tests.conformance.echo.backends import Backends
from tests.conformance.echo.pod import Pod
from tests.conformance.tls import server_context

CA = issue(("ca",), is_ca=True)
SERVER = issue(("abc.example.com",), CA)
CLIENT = issue(("client",), CA)
TLS = Tls("abc.example.com", CA.cert)


@pytest.fixture(scope="module")
def running() -> Iterator[Backends]:
    """Backends at addresses of their own."""
    with Backends(networks.free_network()) as started:
        yield started


@pytest.fixture
def pod(running: Backends, request: pytest.FixtureRequest) -> Iterator[Pod]:
    """A pod that speaks what the parameter says."""
    started = Pod("echo-0123456789-abcde", "shop", {"app": "echo"}, running.take_address(), "echo")
    running.start(started, request.param, server_context(SERVER.cert, SERVER.key, CA.cert))
    yield started
    running.stop(started)


def speaks(protocol: str) -> pytest.MarkDecorator:
    """The test is about a pod of one kind."""
    return pytest.mark.parametrize("pod", [protocol], indirect=True)


@speaks("http")
@pytest.mark.parametrize(
    ("port", "protocol", "tls", "proto"),
    [
        pytest.param(backends.TCP_PORT, "HTTP/1.1", None, "HTTP/1.1", id="http1"),
        pytest.param(backends.H2C_PORT, "HTTP/2", None, "HTTP/2.0", id="h2c"),
        pytest.param(backends.TLS_PORT, "HTTP/1.1", TLS, "HTTP/1.1", id="https"),
        pytest.param(backends.TLS_PORT, "HTTP/2", Tls("abc.example.com", CA.cert, None, ("h2",)), "HTTP/2.0", id="h2"),
    ],
)
def test_a_request_is_echoed(pod: Pod, port: int, protocol: str, tls: Tls | None, proto: str) -> None:
    """Path, method, host, headers and pod come back, and the pod's log tells of the request."""
    headers = {"X-One": "1", "X-Echo-Set-Header": "X-Two:2,X-Three:3"}
    answer = send(pod.address, port, HttpRequest("POST", "a.example.com", "/p?q=1", headers, b"body"), protocol, tls)
    seen = answer.echo
    assert (seen["path"], seen["method"], seen["host"]) == ("/p?q=1", "POST", "a.example.com")
    assert (seen["proto"], seen["pod"], seen["namespace"]) == (proto, pod.name, "shop")
    assert seen["headers"]["X-One"] == ["1"]
    assert (answer.headers["x-two"], answer.headers["x-three"]) == ("2", "3")
    assert seen.get("tls", {}).get("serverName") == (tls.server_name if tls else None)
    assert pod.log == ["Echoing back request made to /p?q=1 to client"]


@speaks("http")
def test_a_client_certificate_is_shown(pod: Pod) -> None:
    """The backend says which certificate the client had."""
    tls = Tls("abc.example.com", CA.cert, (CLIENT.cert, CLIENT.key))
    answer = send(pod.address, backends.TLS_PORT, HttpRequest("GET", "a", "/"), "HTTP/1.1", tls)
    assert answer.echo["tls"]["peerCertificates"] == [CLIENT.cert]


@speaks("http")
def test_a_certificate_of_another_name_is_refused(pod: Pod) -> None:
    """The client checks names as well as who signed."""
    with pytest.raises(OSError, match="not for other"):
        send(pod.address, backends.TLS_PORT, HttpRequest("GET", "a", "/"), "HTTP/1.1", Tls("other.com", CA.cert))
    with pytest.raises(OSError, match="verify failed"):
        send(pod.address, backends.TLS_PORT, HttpRequest("GET", "a", "/"), "HTTP/1.1", Tls("other.com", CLIENT.cert))


@speaks("http")
def test_a_retried_request_fails_as_often_as_it_asks_for(pod: Pod) -> None:
    """Twice by a status; without one by a broken connection."""
    twice = HttpRequest("GET", "a", "/retry/x?uuid=1&succeedAfter=2&responseCode=503")
    statuses = [send(pod.address, backends.TCP_PORT, twice).status for _ in range(3)]
    assert statuses == [503, 503, 200]
    with pytest.raises(ConnectionError):
        send(pod.address, backends.TCP_PORT, HttpRequest("GET", "a", "/retry/x?uuid=2&succeedAfter=1"))


@speaks("http")
def test_a_status_is_asked_for_by_path(pod: Pod) -> None:
    """So failing backends are played."""
    assert send(pod.address, backends.TCP_PORT, HttpRequest("GET", "a", "/status/418")).status == 418


@speaks("http")
def test_a_web_socket_is_echoed(pod: Pod) -> None:
    """A text comes back."""
    said = ("hello", b"\x00\xff")
    assert streams.websocket_echo(pod.address, backends.TCP_PORT, "a", "/ws", said) == said


@speaks("grpc")
def test_grpc_calls_are_answered(pod: Pod) -> None:
    """Two methods are there, the third is not."""
    answers = [grpc.call(pod.address, backends.TCP_PORT, name, "a", {"x": "y"}) for name in ("Echo", "EchoTwo")]
    assert [(answer.code, answer.seen["pod"], answer.seen["namespace"]) for answer in answers] == [
        ("OK", pod.name, "shop")
    ] * 2
    assert answers[0].seen["headers"]["x"] == ["y"]
    assert grpc.call(pod.address, backends.TCP_PORT, "EchoThree", "a", {}).code == "Unimplemented"


@speaks("tcp")
@pytest.mark.parametrize(("port", "tls"), [(backends.TCP_PORT, None), (backends.TLS_PORT, TLS)])
def test_tcp_backends_say_who_they_are(pod: Pod, port: int, tls: Tls | None) -> None:
    """With TLS they say what name they were asked by."""
    seen = streams.tcp_dialogue(pod.address, port, tls)
    assert (seen["pod"], seen["says_tls"]) == (pod.name, tls is not None)
    assert seen.get("tls", {}).get("serverName") == (tls.server_name if tls else None)


@speaks("udp")
def test_udp_backends_say_who_they_are(pod: Pod) -> None:
    """The answer names pod and Service."""
    seen = streams.udp_echo(pod.address, backends.UDP_PORT)
    assert (seen["pod"], seen["service"]) == (pod.name, "echo")


@speaks("dns")
def test_dns_questions_are_answered(pod: Pod) -> None:
    """One question, one answer."""
    assert streams.dns(pod.address, backends.DNS_PORT, "foo.bar.com.") == 1


def test_a_backend_that_ended_is_gone(running: Backends) -> None:
    """Its address is refused."""
    pod = Pod("gone-0-0", "shop", {}, running.take_address())
    running.start(pod, "http", None)
    running.stop(pod)
    with pytest.raises(ConnectionRefusedError), socket.create_connection((pod.address, backends.TCP_PORT), 1):
        """Refused."""
