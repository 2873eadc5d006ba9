"""A backend that answers as it is told to, one request after the other, and remembers who asked for what."""

from __future__ import annotations

from tests.envoy.listening import HttpServer, JsonHandler, Listening

BREAK = 0
"""In the place of a status: the connection is closed without an answer."""


class _Server(HttpServer):
    def __init__(self, name: str) -> None:
        self.name = name
        self.script: list[int] = []
        self.seen: list[dict[str, str]] = []
        super().__init__(_Handler)


class _Handler(JsonHandler):
    server: _Server

    def respond(self) -> None:
        headers = self.lower_headers()
        self.server.seen.append({**headers, "method": self.command, "path": self.path})
        status = self.server.script.pop(0) if self.server.script else 200
        if status == BREAK:
            self.close_connection = True
            return
        said = {"backend": self.server.name, "path": self.path, "host": headers.get("host"), "headers": headers}
        self.answer(status, said)


class ScriptedBackend(Listening):
    """HTTP/1.1; answers JSON as `EchoBackend` does.

    Attributes:
        script: statuses of the next answers, `BREAK` among them; 200 after these.
        seen: requests, each as its headers with `method` and `path`.
    """

    def __init__(self, name: str) -> None:
        server = _Server(name)
        super().__init__(server)
        self.script = server.script
        self.seen = server.seen
