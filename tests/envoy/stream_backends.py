"""Backends that speak no HTTP, and clients that say how far they came."""

from __future__ import annotations

import socket
import socketserver
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.beside import Beside
from tests.envoy.certificates import Pair
from tests.envoy.listening import Listening

_PATIENCE_S = 20.0
_DATAGRAM_PATIENCE_S = 3.0
_BUFFER_BYTES = 4096


class _StreamServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class StreamBackend(Listening):
    """Says its name when somebody connects, and then what it is told."""

    def __init__(self, name: str, pair: Pair | None = None, directory: Path | None = None) -> None:
        """Listen.

        Args:
            name: what it calls itself.
            pair: its certificate; without one it speaks no TLS.
            directory: where to put that.
        """
        context = _context(pair, directory) if pair is not None and directory is not None else None

        class _Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    stream = context.wrap_socket(self.request, server_side=True) if context else self.request
                    with stream:
                        stream.sendall(f"{name}\n".encode())
                        while said := stream.recv(_BUFFER_BYTES):
                            stream.sendall(said)

        super().__init__(_StreamServer(("127.0.0.1", 0), _Handler))


class DatagramBackend(Listening):
    """Answers each datagram with its name."""

    def __init__(self, name: str) -> None:
        class _Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                _, reply = self.request
                reply.sendto(name.encode(), self.client_address)

        super().__init__(socketserver.ThreadingUDPServer(("127.0.0.1", 0), _Handler))


def _context(pair: Pair, directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert, key = directory / "cert.pem", directory / "key.pem"
    cert.write_text(pair.cert)
    key.write_text(pair.key)
    context.load_cert_chain(cert, key)
    return context


class Stream:
    """A connection that is kept."""

    def __init__(self, port: int, server_name: str = "", ca: str = "", source: str = "") -> None:
        """Connect, and hear who is there.

        Args:
            port: of the loopback address.
            server_name: to ask for by TLS; without one no TLS is spoken.
            ca: who has signed the server's certificate.
            source: loopback address to connect from; the usual one where it is empty.

        Raises:
            OSError: nobody is there.
        """
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE_S, (source, 0) if source else None)
        try:
            if server_name:
                context = ssl.create_default_context(cadata=ca)
                self._socket = context.wrap_socket(self._socket, server_hostname=server_name)
            self.backend = self._line()
        except OSError:
            self._socket.close()
            raise

    def echoes(self) -> bool:
        """Tell whether it is still open."""
        try:
            self._socket.sendall(b"x\n")
            return self._line() == "x"
        except OSError:
            return False

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _line(self) -> str:
        heard = b""
        while not heard.endswith(b"\n"):
            more = self._socket.recv(_BUFFER_BYTES)
            if not more:
                raise ConnectionError("closed")
            heard += more
        return heard.decode().strip()


def reached(port: int, server_name: str = "", ca: str = "", source: str = "") -> str:
    """Return who is reached by a new connection; empty where it is closed, or refused."""
    try:
        stream = Stream(port, server_name, ca, source)
    except OSError:
        return ""
    stream.close()
    return stream.backend


def answered(port: int) -> str:
    """Return who answers a datagram from a port of its own; empty where nobody does."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(_DATAGRAM_PATIENCE_S)
        client.sendto(b"x", ("127.0.0.1", port))
        try:
            return client.recv(_BUFFER_BYTES).decode()
        except OSError:
            return ""


class SteadyConnections(Beside):
    """Connects again and again, until it is left.

    Attributes:
        failures: how many of the connections reached nobody.
        made: how many there were.
    """

    def __init__(self, ask: Callable[[], str]) -> None:
        """Describe it.

        Args:
            ask: makes one, and returns who was reached.
        """
        super().__init__()
        self.failures = 0
        self.made = 0
        self._ask = ask

    def _run(self) -> None:
        while not self._is_left.is_set():
            self.failures += self._ask() == ""
            self.made += 1
