"""A backend that speaks TLS, and says what it saw of it."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.envoy.certificates import Pair


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self.context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except (OSError, ssl.SSLError):
            return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    connection: ssl.SSLSocket

    def do_GET(self) -> None:
        shown: Any = self.connection.getpeercert() or {}
        subject = dict(part for group in shown.get("subject", ()) for part in group)
        seen = {
            "serverName": getattr(self.connection, "asked", ""),
            "client": subject.get("commonName", ""),
            "protocol": self.connection.selected_alpn_protocol(),
        }
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name the base class has
        """Say nothing: tests look at answers."""


class TlsBackend:
    """Ends TLS; answers GET with JSON: serverName, client (common name), protocol.

    Attributes:
        port: where it listens on the loopback address.
    """

    def __init__(self, directory: Path, pair: Pair, client_authority: str = "") -> None:
        """Start it.

        Args:
            directory: for its files.
            pair: its certificate.
            client_authority: PEM of who issues the certificates that clients have to show; nobody has to where empty.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._directory, self._context = directory, context
        self.use(pair)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.sni_callback = _note_server_name
        if client_authority:
            context.load_verify_locations(cadata=client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
        self._server = _Server(context)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def use(self, pair: Pair) -> None:
        """Show another certificate from now on."""
        cert, key = self._directory / "tls-backend.crt", self._directory / "tls-backend.key"
        cert.write_text(pair.cert)
        key.write_text(pair.key)
        self._context.load_cert_chain(cert, key)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _note_server_name(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
    connection.asked = name or ""  # type: ignore[union-attr]
