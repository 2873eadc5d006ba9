"""HTTP clients: single requests to a listener or an admin page, and one that asks without pause."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.beside import Beside
from tests.envoy.waiting import wait_for

_LIMIT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        status: HTTP status code.
        headers: names in lower case.
        text: the body.
    """

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.text)


def http_get(
    port: int,
    host: str = "127.0.0.1",
    path: str = "/",
    *,
    headers: dict[str, str] | None = None,
    ca: str | None = None,
    server_name: str = "",
    method: str = "GET",
    body: str | None = None,
) -> Answer:
    """Send one request to a port of the loopback address.

    Args:
        port: where to.
        host: the Host header; with `ca` the TLS server name too, where no other is given.
        path: path and query.
        headers: more request headers.
        ca: PEM certificates to check the server with; None for plain HTTP.
        server_name: that of TLS.
        method: of the request.
        body: the same.
    """
    connection = _connection(port, server_name or host, ca)
    try:
        connection.request(method, path, body, headers={"Host": host, **(headers or {})})
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read().decode())
    finally:
        connection.close()


def _connection(port: int, host: str, ca: str | None) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)
    if ca is not None:
        context = ssl.create_default_context(cadata=ca)
        plain = socket.create_connection(("127.0.0.1", port), _LIMIT_S)
        try:
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise
    return connection


def whole_answer(connection: socket.socket) -> str:
    """Return the text of the one answer that comes on a connection, for what `http_get` cannot ask.

    Its end is where it says: Envoy leaves a connection open for a second after an answer of its own.

    Raises:
        OSError: the connection is closed before one.
    """
    with http.client.HTTPResponse(connection) as answer:
        answer.begin()
        head = [f"HTTP/1.1 {answer.status} {answer.reason}", *(": ".join(header) for header in answer.getheaders())]
        return "\r\n".join((*head, "", answer.read().decode()))


FRESH = {"connection": "close"}
"""Headers of a request that is the only one on its connection."""


class SteadyClient(Beside):
    """A client that sends one request after the other, over a connection it keeps, until it is stopped.

    It gives the connection up where either side says `connection: close`.

    Attributes:
        served: how many answers were 200.
        failures: every other outcome, in words.
    """

    def __init__(self, port: int, host: str, path: str = "/", headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.served = 0
        self.failures: list[str] = []
        self._port = port
        self._host = host
        self._path = path
        self._headers = {"host": host, **(headers or {})}

    def wait_for_more(self, count: int = 50) -> None:
        """Wait until this many more requests got their answer, good or bad."""
        goal = self.served + len(self.failures) + count
        wait_for(lambda: self.served + len(self.failures) >= goal, f"{count} more requests to {self._host}")

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_LIMIT_S)
        while not self._is_left.is_set():
            try:
                connection.request("GET", self._path, headers=self._headers)
                response = connection.getresponse()
                text = response.read().decode()
            except (OSError, http.client.HTTPException) as err:
                self.failures.append(repr(err))
                connection.close()
                continue
            if response.status == http.HTTPStatus.OK:
                self.served += 1
            else:
                self.failures.append(f"status {response.status}: {text}")
        connection.close()
