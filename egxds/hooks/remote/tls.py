"""TLS to an extension server: which certificates, and what is said of them. Logs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from egxds.grpc.client_tls import PemFile, PemSource, RenewedTls
from egxds.hooks.calls import describe_manager
from egxds.hooks.remote.pem import PemInSecret, SecretFinder
from egxds.settings.extension_service import ExtensionTls
from egxds.telemetry import log

_CERTIFICATE, _KEY = ("tls.crt",), ("tls.key",)
_AUTHORITY = ("tls.crt", "ca.crt")
"""Values of a Secret: Envoy Gateway (ExtensionTLS) has an authority's certificates in the first."""


@dataclass(frozen=True, slots=True)
class _Logged:
    """Writes into the log what becomes of an extension's certificates."""

    manager: str

    def kept(self, fault: str) -> None:
        log.error("hook.certificates_kept", manager=self.manager, error=fault)

    def loaded(self) -> None:
        log.info("hook.certificates_loaded", manager=self.manager)


class ClientTls:
    """The certificates of one extension, as their files and Secrets have them now."""

    def __init__(self, settings: ExtensionTls, manager: str, base: Path, secrets: SecretFinder) -> None:
        """Prepare; nothing is read yet.

        Args:
            settings: which files and Secrets.
            manager: name of the extension manager, for messages.
            base: directory that relative paths start from.
            secrets: finds Secrets.
        """
        authority, own = _authority(settings, base, secrets), _own(settings, base, secrets)
        self._sources = (authority, *own)
        self._renewed = RenewedTls(f"service.tls of {describe_manager(manager)}", authority, own, _Logged(manager))

    @property
    def is_in_files(self) -> bool:
        """Whether all of it can be read before the sources have been."""
        return all(isinstance(source, PemFile) for source in self._sources)

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection.

        Raises:
            CertificateError: something cannot be used, and nothing could be used before.
        """
        return self._renewed.context()


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
