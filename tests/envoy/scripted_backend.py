"""A backend that answers as it is told to, one request after the other, and remembers who asked for what."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

BREAK = 0
"""In the place of a status: the connection is closed without an answer."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.script: list[int] = []
        self.seen: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append({**headers, "method": self.command, "path": self.path})
        status = self.server.script.pop(0) if self.server.script else 200
        if status == BREAK:
            self.close_connection = True
            return
        said = {"backend": self.server.name, "path": self.path, "host": headers.get("host"), "headers": headers}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_OPTIONS = do_GET  # noqa: N815 the name the base class has

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name the base class has
        """Say nothing: tests look at answers."""


class ScriptedBackend:
    """HTTP/1.1; answers JSON as `EchoBackend` does.

    Attributes:
        port: where it listens on the loopback address.
        script: statuses of the next answers, `BREAK` among them; 200 after these.
        seen: requests, each as its headers with `method` and `path`.
    """

    def __init__(self, name: str) -> None:
        self._server = _Server(name)
        self.port: int = self._server.server_address[1]
        self.script = self._server.script
        self.seen = self._server.seen
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
