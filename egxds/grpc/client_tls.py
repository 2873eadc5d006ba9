"""TLS to a server: certificates in, a context for the next connection out. Reads files.

They are read whenever a connection is made, so that a certificate that was renewed needs no restart. What cannot be
used then, such as a certificate whose key is yet to be replaced, leaves the certificates in force that could be used
last.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from egxds.errors import CertificateError


class PemSource(Protocol):
    """Where certificates or a key are; its text names that for people."""

    @property
    def key(self) -> str:
        """The key of the settings that names it."""
        ...

    def read(self) -> bytes:
        """Return them.

        Raises:
            CertificateError: they cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class PemFile:
    """A file.

    Attributes:
        key: of the settings, that names it.
        path: where it is.
    """

    key: str
    path: Path

    def read(self) -> bytes:
        """Return its content.

        Raises:
            CertificateError: it cannot be read.
        """
        try:
            return self.path.read_bytes()
        except OSError as err:
            raise CertificateError(f"{self.key}: cannot use {self}: {(err.strerror or str(err)).lower()}") from err

    def __str__(self) -> str:
        return str(self.path)


class Told(Protocol):
    """Who is told what becomes of certificates."""

    def kept(self, fault: str) -> None:
        """Those that are there now cannot be used, and the ones before are; once for each fault."""
        ...

    def loaded(self) -> None:
        """Others than before are used from now on."""
        ...


class RenewedTls:
    """The certificates of connections to a server, as they are now."""

    def __init__(self, place: str, authority: PemSource | None, own: Sequence[PemSource], told: Told) -> None:
        """Prepare; nothing is read yet.

        Args:
            place: of the settings, for messages.
            authority: certificates that the server's is checked with; None for those that the system trusts.
            own: our certificate chain and its key, or nothing.
            told: who is told what becomes of them.
        """
        self._place = place
        self._authority = authority
        self._own = tuple(own)
        self._told = told
        self._context: ssl.SSLContext | None = None
        self._digests: tuple[bytes, ...] = ()
        self._said = ""

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection.

        Raises:
            CertificateError: something cannot be used, and nothing could be used before.
        """
        try:
            self._context = self._newest()
            self._said = ""
        except CertificateError as err:
            fault = f"{self._place}: {err}"
            if self._context is None:
                raise CertificateError(fault) from err
            if fault != self._said:
                self._told.kept(fault)
            self._said = fault
        return self._context

    def _newest(self) -> ssl.SSLContext:
        authority = self._authority.read() if self._authority is not None else b""
        own = [source.read() for source in self._own]
        digests = tuple(hashlib.sha256(pem).digest() for pem in (authority, *own))
        if self._context is not None and digests == self._digests:
            return self._context
        context = self._load(authority, b"\n".join(own))
        if self._context is not None:
            self._told.loaded()
        self._digests = digests
        return context

    def _load(self, authority: bytes, own: bytes) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Whoever is named is trusted, be it an authority that another one vouches for, as it is in Envoy Gateway.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.set_alpn_protocols(["h2"])
        if self._authority is None:
            context.load_default_certs()
        else:
            with _explained((self._authority,)), _as_file(authority) as path:
                context.load_verify_locations(path)
        if own:
            with _explained(self._own), _as_file(own) as path:
                context.load_cert_chain(path, password=_no_password)
        return context


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


@contextmanager
def _as_file(pem: bytes) -> Iterator[str]:
    """Lend a text to OpenSSL, which takes it from a file only, without it ever being on a disk.

    Args:
        pem: certificates and keys.

    Yields:
        A path that leads to it, within this process.
    """
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"
