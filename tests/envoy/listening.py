"""What backends of tests have in common: a server on a thread of its own, and answers in JSON."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_POLL_S = 0.05


class HttpServer(ThreadingHTTPServer):
    """On the loopback address, on a free port unless one is given; its end waits for no connection that is kept."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)


class JsonHandler(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive, and answers in JSON to GET, OPTIONS and POST.

    Attributes:
        body: of the request.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self) -> None:
        """Answer a request, by `answer`."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        self.respond()

    do_OPTIONS = do_POST = do_GET  # noqa: N815 the name the base class has

    def lower_headers(self) -> dict[str, str]:
        """Return what the request had, by names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    def answer(self, status: int, said: Mapping[str, object], headers: Mapping[str, str] | None = None) -> None:
        """Answer the request."""
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name the base class has
        """Say nothing: tests look at answers."""


class Listening:
    """Serves from entering it until it is left.

    Attributes:
        port: where it listens on the loopback address.
    """

    def __init__(self, server: socketserver.TCPServer | socketserver.UDPServer) -> None:
        """Describe it.

        Args:
            server: bound already.
        """
        self._server = server
        self.port: int = server.server_address[1]
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_S})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
