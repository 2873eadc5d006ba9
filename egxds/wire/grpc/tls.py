"""Wire room: the certificates of a server, and how they are replaced while it runs."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from egxds.errors import StartError

if TYPE_CHECKING:
    from egxds.settings.daemon import XdsTls


@dataclass(frozen=True, slots=True)
class TlsNames:
    """What messages call the files.

    Attributes:
        pair: the certificate and its key.
        client_ca: what clients' certificates are checked with.
    """

    pair: str
    client_ca: str


_OF_XDS = TlsNames("xds.tls.certFile, xds.tls.keyFile", "xds.tls.clientCAFile")


class ServerTls:
    """The TLS context of a listener.

    A listener keeps the context it was started with, so that context hands every new handshake to the newest
    one. No session outlives its connection: a client that resumed one would not be asked for its certificate.

    Attributes:
        context: for the listener.
    """

    def __init__(self, settings: XdsTls, names: TlsNames = _OF_XDS) -> None:
        """Read the files.

        Args:
            settings: where they are.
            names: what messages call them.

        Raises:
            StartError: one of them cannot be used; the message names the setting.
        """
        self._settings = settings
        self._names = names
        self.context = _load(settings, names)
        self._newest = self.context
        self._expiries = _expiries(settings)
        self.context.sni_callback = self._hand_over

    def reload(self) -> None:
        """Read the files again, for new handshakes; connections that exist stay.

        Raises:
            StartError: one of them cannot be used; what was read before stays in force.
        """
        self._newest = _load(self._settings, self._names)
        self._expiries = _expiries(self._settings)

    def expiries(self) -> Mapping[str, float]:
        """Return when what is in force now ends, in seconds since 1970, by the key of the settings file.

        Of several authorities the first to end counts; what cannot be told is left out.
        """
        return {key: ends_s for key, ends_s in self._expiries.items() if ends_s is not None}

    def _hand_over(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = self._newest


def _load(settings: XdsTls, names: TlsNames) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["h2"])
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as err:
        files = f"{settings.cert_file} and {settings.key_file}"
        raise StartError(f"{names.pair}: cannot use {files}: {_reason(err)}") from err
    if settings.client_ca_file is not None:
        _require_client_certificate(context, settings.client_ca_file, names)
    return context


def _require_client_certificate(context: ssl.SSLContext, ca_file: str, names: TlsNames) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(ca_file)
    except OSError as err:
        raise StartError(f"{names.client_ca}: cannot use {ca_file}: {_reason(err)}") from err


def _expiries(settings: XdsTls) -> Mapping[str, float | None]:
    found = {"certFile": _first_end(settings.cert_file, most=1)}
    return found if settings.client_ca_file is None else {**found, "clientCAFile": _first_end(settings.client_ca_file)}


def _first_end(path: str, most: int | None = None) -> float | None:
    """Return when the first of the certificates of a file ends, or the first of them that ends."""
    try:
        certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())[:most]
    except (OSError, ValueError):
        # OpenSSL has read it just now, and takes more than is known here: that it is served is what counts.
        return None
    return min(each.not_valid_after_utc.timestamp() for each in certificates)


def _reason(err: OSError) -> str:
    if isinstance(err, ssl.SSLError):
        return (err.reason or str(err)).lower().replace("_", " ")
    return (err.strerror or str(err)).lower()
