"""TLS to an extension server: certificates in, a context for the next connection out. Logs."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from egxds.errors import CertificateError
from egxds.hooks.calls import describe_manager
from egxds.hooks.remote.pem import PemFile, PemInSecret, PemSource, SecretFinder, as_file
from egxds.settings.extension_service import ExtensionTls
from egxds.telemetry import log

_CERTIFICATE, _KEY = ("tls.crt",), ("tls.key",)
_AUTHORITY = ("tls.crt", "ca.crt")
"""Values of a Secret: Envoy Gateway (ExtensionTLS) has an authority's certificates in the first."""


class ClientTls:
    """The certificates of one extension, as their files and Secrets have them now.

    They are read whenever a connection is made. What cannot be used then, such as a certificate whose key is
    yet to be replaced, leaves the certificates in force that could be used last.
    """

    def __init__(self, settings: ExtensionTls, manager: str, base: Path, secrets: SecretFinder) -> None:
        """Prepare; nothing is read yet.

        Args:
            settings: which files and Secrets.
            manager: name of the extension manager, for messages.
            base: directory that relative paths start from.
            secrets: finds Secrets.
        """
        self._manager = manager
        self._authority = _authority(settings, base, secrets)
        self._own = _own(settings, base, secrets)
        self._context: ssl.SSLContext | None = None
        self._digests: tuple[bytes, ...] = ()
        self._said = ""

    @property
    def is_in_files(self) -> bool:
        """Whether all of it can be read before the sources have been."""
        return all(isinstance(source, PemFile) for source in (self._authority, *self._own))

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection.

        Raises:
            CertificateError: something cannot be used, and nothing could be used before.
        """
        try:
            self._context = self._newest()
            self._said = ""
        except CertificateError as err:
            fault = f"service.tls of {describe_manager(self._manager)}: {err}"
            if self._context is None:
                raise CertificateError(fault) from err
            if fault != self._said:
                log.error("hook.certificates_kept", manager=self._manager, error=fault)
            self._said = fault
        return self._context

    def _newest(self) -> ssl.SSLContext:
        authority, *own = (source.read() for source in (self._authority, *self._own))
        digests = tuple(hashlib.sha256(pem).digest() for pem in (authority, *own))
        if self._context is not None and digests == self._digests:
            return self._context
        context = self._load(authority, b"\n".join(own))
        if self._context is not None:
            log.info("hook.certificates_loaded", manager=self._manager)
        self._digests = digests
        return context

    def _load(self, authority: bytes, own: bytes) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Whoever is named is trusted, be it an authority that another one vouches for, as it is in Envoy Gateway.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.set_alpn_protocols(["h2"])
        with _explained((self._authority,)), as_file(authority) as path:
            context.load_verify_locations(path)
        if own:
            with _explained(self._own), as_file(own) as path:
                context.load_cert_chain(path, password=_no_password)
        return context


def _authority(settings: ExtensionTls, base: Path, secrets: SecretFinder) -> PemSource:
    place = settings.authority
    if isinstance(place, str):
        return PemFile("caFile", base / place)
    return PemInSecret("certificateRef", place, _AUTHORITY, secrets)


def _own(settings: ExtensionTls, base: Path, secrets: SecretFinder) -> tuple[PemSource, ...]:
    """Return the certificate chain and its key, or nothing."""
    reference = settings.client_certificate_ref
    if reference is not None:
        names = (_CERTIFICATE, _KEY)
        return tuple(PemInSecret("clientCertificateRef", reference, entries, secrets) for entries in names)
    if settings.cert_file is not None and settings.key_file is not None:
        return PemFile("certFile", base / settings.cert_file), PemFile("keyFile", base / settings.key_file)
    return ()


@contextmanager
def _explained(sources: tuple[PemSource, ...]) -> Iterator[None]:
    """Say which settings are at fault for what goes wrong within."""
    try:
        yield
    except OSError as err:
        keys = ", ".join(dict.fromkeys(source.key for source in sources))
        raise CertificateError(f"{keys}: cannot use {' and '.join(map(str, sources))}: {_reason(err)}") from err


def _no_password() -> str:
    """Answer for the user, who would else be asked on the terminal for the password of an encrypted key."""
    return ""


def _reason(err: OSError) -> str:
    if isinstance(err, ssl.SSLError):
        return (err.reason or str(err)).lower().replace("_", " ")
    return (err.strerror or str(err)).lower()
