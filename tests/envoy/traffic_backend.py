"""A backend that does what the path asks for: fails, holds its answer back, is large, or turns to another protocol."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from types import TracebackType

from tests.envoy.listening import HttpServer, Listening

_LONGEST_S = 20.0


class _Server(HttpServer):
    def __init__(self, report: str) -> None:
        self.report = report
        self.seen: list[str] = []
        self.released = threading.Event()
        super().__init__(_Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        _, what, *rest = self.path.partition("?")[0].split("/")
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append(self.path)
        if "upgrade" in self.headers:
            self._turn()
        elif what == "slow":
            self.server.released.wait(_LONGEST_S)
            self.close_connection = True
        elif what == "status":
            self._answer(int(rest[0]), f"status {rest[0]}")
        else:
            self._answer(200, "x" * int(rest[0]) if what == "size" else self.path)

    def do_CONNECT(self) -> None:
        """Open a tunnel, in which a line comes back."""
        self.server.seen.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        self.wfile.write(self.rfile.readline())

    do_POST = do_GET  # noqa: N815 the name the base class has

    def _turn(self) -> None:
        """Turn to the other protocol, in which each line comes back as it is."""
        self.send_response(101)
        self.send_header("connection", "upgrade")
        self.send_header("upgrade", self.headers["upgrade"])
        self.end_headers()
        self.close_connection = True
        self.wfile.write(self.rfile.readline())

    def _answer(self, status: int, said: str) -> None:
        body = said.encode()
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-kind", "own")
        if self.server.report:
            self.send_header("endpoint-load-metrics", f"TEXT {self.server.report}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name the base class has
        """Say nothing: tests look at answers."""


class TrafficBackend(Listening):
    """HTTP/1.1; `/status/503`, `/slow` until it is left, `/size/2000`; any upgrade or tunnel, then a line comes back.

    Attributes:
        seen: paths of the requests that came, each with its query.
    """

    def __init__(self, report: str = "") -> None:
        """Start.

        Args:
            report: what it says of its load with every answer; nothing where it is empty.
        """
        self._traffic = _Server(report)
        self.seen = self._traffic.seen
        super().__init__(self._traffic)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._traffic.released.set()
        super().__exit__(kind, error, trace)
