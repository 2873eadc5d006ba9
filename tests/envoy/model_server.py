"""A server of a model: it says what it was asked, in which body."""

from __future__ import annotations

from tests.envoy.listening import HttpServer, JsonHandler, Listening


class _Server(HttpServer):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(_Handler)


class _Handler(JsonHandler):
    server: _Server

    do_POST = JsonHandler.do_GET  # noqa: N815 the name that the base class calls

    def respond(self) -> None:
        self.answer(200, {"backend": self.server.name, "body": self._body().decode()})

    def _body(self) -> bytes:
        """Read what comes in one piece, or, as an external processor makes it, in chunks."""
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)


class ModelServer(Listening):
    """HTTP/1.1 with keep-alive; answers POST with JSON: backend, body.

    Attributes:
        name: what it calls itself.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(_Server(name))
