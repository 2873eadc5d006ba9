"""Wire room: the certificates of the xDS server, and how they are replaced while it runs."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from egxds.errors import StartError

if TYPE_CHECKING:
    from egxds.settings.daemon import XdsTls


class ServerTls:
    """The TLS context of a listener.

    A listener keeps the context it was started with, so that context hands every new handshake to the newest
    one. No session outlives its connection: a client that resumed one would not be asked for its certificate.

    Attributes:
        context: for the listener.
    """

    def __init__(self, settings: XdsTls) -> None:
        """Read the files.

        Args:
            settings: where they are.

        Raises:
            StartError: one of them cannot be used; the message names the setting.
        """
        self._settings = settings
        self.context = _load(settings)
        self._newest = self.context
        self.context.sni_callback = self._hand_over

    def reload(self) -> None:
        """Read the files again, for new handshakes; connections that exist stay.

        Raises:
            StartError: one of them cannot be used; what was read before stays in force.
        """
        self._newest = _load(self._settings)

    def _hand_over(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = self._newest


def _load(settings: XdsTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["h2"])
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as err:
        files = f"{settings.cert_file} and {settings.key_file}"
        raise StartError(f"xds.tls.certFile, xds.tls.keyFile: cannot use {files}: {_reason(err)}") from err
    if settings.client_ca_file is not None:
        _require_client_certificate(context, settings.client_ca_file)
    return context


def _require_client_certificate(context: ssl.SSLContext, ca_file: str) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(ca_file)
    except OSError as err:
        raise StartError(f"xds.tls.clientCAFile: cannot use {ca_file}: {_reason(err)}") from err


def _reason(err: OSError) -> str:
    if isinstance(err, ssl.SSLError):
        return (err.reason or str(err)).lower().replace("_", " ")
    return (err.strerror or str(err)).lower()
