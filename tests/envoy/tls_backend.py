"""A backend that speaks TLS, and says what it saw of it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from tests.envoy.certificates import Pair
from tests.envoy.listening import HttpServer, JsonHandler, Listening

ONCE = "/once"
"""Path behind which the connection is closed, so that the next request has a handshake of its own."""


class TlsServer(HttpServer):
    """On the loopback address, on a free port, inside of TLS."""

    def __init__(self, context: ssl.SSLContext, handler: type[JsonHandler]) -> None:
        self.context = context
        super().__init__(handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self.context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except (OSError, ssl.SSLError):
            return


class _Handler(JsonHandler):
    connection: ssl.SSLSocket

    def respond(self) -> None:
        shown: Any = self.connection.getpeercert() or {}
        subject = dict(part for group in shown.get("subject", ()) for part in group)
        seen = {
            "serverName": getattr(self.connection, "asked", ""),
            "client": subject.get("commonName", ""),
            "protocol": self.connection.selected_alpn_protocol(),
            "version": self.connection.version(),
            "cipher": (self.connection.cipher() or ("",))[0],
        }
        self.close_connection = self.path == ONCE
        self.answer(200, seen, {"connection": "close"} if self.close_connection else None)


class TlsBackend(Listening):
    """Ends TLS; answers GET with JSON: serverName, client (common name), protocol, version, cipher."""

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
        super().__init__(TlsServer(context, _Handler))

    def use(self, pair: Pair) -> None:
        """Show another certificate from now on."""
        _show(self._context, self._directory, pair)


def server_context(directory: Path, pair: Pair) -> ssl.SSLContext:
    """Return what a server shows its certificate by; its files are in a directory."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _show(context, directory, pair)
    return context


def _show(context: ssl.SSLContext, directory: Path, pair: Pair) -> None:
    cert, key = directory / "tls-backend.crt", directory / "tls-backend.key"
    cert.write_text(pair.cert)
    key.write_text(pair.key)
    context.load_cert_chain(cert, key)


def _note_server_name(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
    connection.asked = name or ""  # type: ignore[union-attr]
