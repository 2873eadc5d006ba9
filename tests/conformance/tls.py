"""TLS contexts for clients and backends, from PEM texts."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from cryptography import x509


def server_context(cert: str, key: str, client_ca: str | None = None) -> ssl.SSLContext:
    """Make the context of a backend.

    Args:
        cert: PEM chain.
        key: its PEM key.
        client_ca: PEM; certificates of clients are checked with it where they show one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, cert, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.sni_callback = _note_server_name
    if client_ca is not None:
        context.load_verify_locations(cadata=client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_context(ca: str | None, pair: tuple[str, str] | None = None, *protocols: str) -> ssl.SSLContext:
    """Make the context of a client; names are checked by `verify_name`.

    Args:
        ca: PEM that the server's certificate is checked with; None where any will do.
        pair: its own certificate and key, PEM.
        protocols: for ALPN.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if ca:
        context.load_verify_locations(cadata=ca)
    if pair:
        _load(context, *pair)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def verify_name(certificate: bytes | None, name: str) -> None:
    """Check a certificate's name as Go does, which takes `*.org`, while OpenSSL wants two dots after the star.

    Args:
        certificate: DER.
        name: of the server.

    Raises:
        ssl.SSLCertVerificationError: it is another.
    """
    parsed = x509.load_der_x509_certificate(certificate or b"")
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    offered = names.get_values_for_type(x509.DNSName)
    wildcard = "*." + name.partition(".")[2]
    if name not in offered and wildcard not in offered:
        raise ssl.SSLCertVerificationError(f"the certificate is for {offered}, not for {name}")


def server_name(tls: ssl.SSLObject) -> str:
    """Return the name that a client asked for."""
    return str(getattr(tls, _ASKED_NAME, ""))


_ASKED_NAME = "asked_name"


def _note_server_name(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
    setattr(tls, _ASKED_NAME, name or "")


def _load(context: ssl.SSLContext, cert: str, key: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "pair.pem"
        path.write_text(cert + "\n" + key)
        context.load_cert_chain(path)
