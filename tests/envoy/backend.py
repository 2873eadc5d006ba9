"""A backend that says what reached it."""

from __future__ import annotations

from tests.envoy.listening import HttpServer, JsonHandler, Listening


class _Server(HttpServer):
    def __init__(self, name: str, port: int) -> None:
        self.name = name
        super().__init__(_Handler, port)


class _Handler(JsonHandler):
    server: _Server

    def respond(self) -> None:
        headers = self.lower_headers()
        seen = {"backend": self.server.name, "path": self.path, "host": headers.get("host"), "headers": headers}
        self.answer(200, seen)


class EchoBackend(Listening):
    """HTTP/1.1 with keep-alive; answers GET with JSON: backend, path, host, headers.

    Attributes:
        name: what it calls itself.
    """

    def __init__(self, name: str = "echo", port: int = 0) -> None:
        self.name = name
        super().__init__(_Server(name, port))
