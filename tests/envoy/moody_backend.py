"""A backend that is up or down, or slow, as it is told, and knows how many ask it."""

from __future__ import annotations

import threading

from tests.envoy.listening import HttpServer, JsonHandler, Listening

SLOW = "/slow"
READY = "/ready"
_PATIENCE_S = 20.0


class _Server(HttpServer):
    def __init__(self, name: str) -> None:
        self.name = name
        self.is_up = True
        self.is_ready = True
        self.released = threading.Event()
        self.asked: list[str] = []
        self.connections = 0
        super().__init__(_Handler)


class _Handler(JsonHandler):
    server: _Server

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def respond(self) -> None:
        server = self.server
        server.asked.append(self.path)
        if self.path == SLOW:
            server.released.wait(_PATIENCE_S)
        is_fine = server.is_ready if self.path == READY else server.is_up
        self.answer(200 if is_fine else 503, {"backend": server.name, "headers": self.lower_headers()})


class MoodyBackend(Listening):
    """HTTP/1.1: `/ready` says whether it is up, `/slow` is answered once `release` is called."""

    def __init__(self, name: str) -> None:
        """Start up, ready and quick.

        Args:
            name: what it calls itself.
        """
        self._own = _Server(name)
        super().__init__(self._own)

    def be(self, *, up: bool = True, ready: bool = True) -> None:
        """Answer 200, or 503, to what is asked, and to whether it is up."""
        self._own.is_up, self._own.is_ready = up, ready

    def release(self) -> None:
        """Answer what is held, and hold nothing from now on."""
        self._own.released.set()

    def asked(self, path: str) -> int:
        """Return how many asked for a path."""
        return self._own.asked.count(path)

    @property
    def connections(self) -> int:
        """How many there have been."""
        return self._own.connections
