"""Requests with HTTP/1.1 and HTTP/2, over TCP and TLS."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from tests.conformance.clients.answers import Answer, joined
from tests.conformance.clients.connect import Tls, connect


@dataclass(frozen=True)
class HttpRequest:
    """What is sent.

    Attributes:
        host: the Host header, or `:authority`.
        target: path and query, sent as they are.
    """

    method: str
    host: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Send = Callable[[socket.socket, HttpRequest, str], Answer]


def send(address: str, port: int, request: HttpRequest, protocol: str = "HTTP/1.1", tls: Tls | None = None) -> Answer:
    """Send a request on a connection of its own.

    Args:
        address: of the listener.
        port: of the listener.
        request: what is sent.
        protocol: a row of `PROTOCOLS`.
        tls: where it goes over TLS.

    Raises:
        OSError: the connection failed.
    """
    with connect(address, port, tls) as connection:
        return PROTOCOLS[protocol](connection, request, "https" if tls else "http")


def _send_http1(connection: socket.socket, request: HttpRequest, _scheme: str) -> Answer:
    client = http.client.HTTPConnection("gateway")
    client.sock = connection
    try:
        client.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        client.putheader("Host", request.host)
        for name, value in request.headers.items():
            client.putheader(name, value)
        if request.body:
            client.putheader("Content-Length", str(len(request.body)))
        client.endheaders(request.body or None)
        response = client.getresponse()
        return Answer(response.status, joined(response.getheaders()), response.read(), {})
    except http.client.HTTPException as err:
        raise ConnectionError(f"no answer: {err!r}") from err


def _send_http2(connection: socket.socket, request: HttpRequest, scheme: str) -> Answer:
    client = H2Connection(H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    head = [
        (":method", request.method),
        (":scheme", scheme),
        (":authority", request.host),
        (":path", request.target),
        *((name.lower(), value) for name, value in request.headers.items()),
    ]
    client.send_headers(1, head, end_stream=not request.body)
    if request.body:
        client.send_data(1, request.body, end_stream=True)
    connection.sendall(client.data_to_send())
    gathered = _Gathered()
    while not gathered.is_whole:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError("the connection ended before the answer")
        for event in client.receive_data(data):
            gathered.take(event)
        connection.sendall(client.data_to_send())
    return gathered.answer()


class _Gathered:
    """An answer as it arrives."""

    def __init__(self) -> None:
        self._headers: dict[str, str] = {}
        self._trailers: dict[str, str] = {}
        self._body = b""
        self.is_whole = False

    def take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            self._headers = joined((str(name), str(value)) for name, value in event.headers)
        elif isinstance(event, TrailersReceived):
            self._trailers = joined((str(name), str(value)) for name, value in event.headers)
        elif isinstance(event, DataReceived):
            self._body += event.data
        elif isinstance(event, StreamEnded):
            self.is_whole = True
        elif isinstance(event, StreamReset | ConnectionTerminated):
            raise ConnectionResetError(f"HTTP/2 error {event.error_code}")

    def answer(self) -> Answer:
        headers = {name: value for name, value in self._headers.items() if name != ":status"}
        return Answer(int(self._headers[":status"]), headers, self._body, self._trailers)


PROTOCOLS: Mapping[str, Send] = {"HTTP/1.1": _send_http1, "HTTP/2": _send_http2}
