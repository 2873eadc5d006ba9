"""Wire room: the certificates of a server, and how they are replaced while it runs.

Nobody has to say that a file is another one: before each handshake the files are read and compared with those of the
reading before, byte by byte, since a time or a size may be the same for two contents. They are small, and a handshake
costs a hundred times as much. A reading has one of two ends:

    all of it can be used      new handshakes get it; connections that exist stay as they are
    some of it cannot          what was read last stays in force, whole: a pair whose key is still to come is no pair

What cannot be used is said once, and looked at again when the files are others; a stranger who connects again and again
has nothing read anew. A reading that another file was written into is followed by one more, as what was compared was
read before what is used.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from egxds.certificates.validity import Validity
from egxds.errors import StartError
from egxds.telemetry import log

if TYPE_CHECKING:
    from egxds.settings.daemon import XdsTls

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_REVOKED = b"-----BEGIN X509 CRL-----"


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


def _nobody(_fault: str) -> None:
    """Tell nobody."""


class ServerTls:
    """The TLS contexts of a listener: the newest is for the next handshake.

    No session outlives its connection: a client that resumed one would not be asked for its certificate.

    Attributes:
        context: for a listener that keeps the one it was started with; it hands every handshake to the newest.
        fault: why the files as they are now cannot be used; empty where they can, and are.
        settings: where they are.
    """

    def __init__(self, settings: XdsTls, names: TlsNames = _OF_XDS, has_read: Callable[[str], None] = _nobody) -> None:
        """Read the files.

        Args:
            settings: where they are.
            names: what messages call them.
            has_read: is told of each reading after this one why it cannot be used; empty where it can.

        Raises:
            StartError: one of them cannot be used; the message names the setting.
        """
        self.settings = settings
        self._names = names
        self._has_read = has_read
        self.fault = ""
        self._seen = _contents(settings)
        self.context = self._newest = _load(settings, names)
        self._validities = _validities(settings)
        self.context.sni_callback = self._hand_over

    def newest(self) -> ssl.SSLContext:
        """Return the context for a handshake that begins now."""
        self.look()
        return self._newest

    def look(self) -> None:
        """Read the files where they are others than at the last reading."""
        if _contents(self.settings) != self._seen:
            self.reload()

    def reload(self) -> None:
        """Read the files for new handshakes, and say what came of it; connections that exist stay."""
        try:
            self.follow(self.settings)
        except StartError as err:
            self.fault = str(err)
            log.error("wire.certificates_kept", error=self.fault)
        else:
            log.info("wire.certificates_loaded")
        self._has_read(self.fault)

    def follow(self, settings: XdsTls) -> None:
        """Read other files, for new handshakes; whether clients are asked for a certificate stays as it was.

        Args:
            settings: where they are.

        Raises:
            StartError: one of them cannot be used; what was read before stays in force, and is what is read again.
        """
        seen = _contents(settings)
        if settings is self.settings:
            self._seen = seen
        newest = _load(settings, self._names)
        self.settings, self._seen, self._newest = settings, seen, newest
        self.fault, self._validities = "", _validities(settings)

    def validities(self) -> Mapping[str, Validity]:
        """Return the time of what is in force now, by the key of the settings file.

        Of several authorities the first to end counts; what cannot be told is left out.
        """
        return {key: validity for key, validity in self._validities.items() if validity is not None}

    def _hand_over(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = self.newest()


def _contents(settings: XdsTls) -> tuple[bytes | str, ...]:
    return tuple(map(_content, settings.files))


def _content(path: str) -> bytes | str:
    """Return what a file holds, or why that is not known: either may be another at the next look."""
    try:
        return Path(path).read_bytes()
    except OSError as err:
        return _reason(err)


def _load(settings: XdsTls, names: TlsNames) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.min_version]
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
        holds_revoked = _REVOKED in Path(ca_file).read_bytes()
    except OSError as err:
        raise StartError(f"{names.client_ca}: cannot use {ca_file}: {_reason(err)}") from err
    if holds_revoked:
        # It would be read and never looked at: whom it locks out would get in.
        advice = "a list of revoked certificates (CRL), which is not served here; delete it"
        raise StartError(f"{names.client_ca}: cannot use {ca_file}: it holds {advice}")


def _validities(settings: XdsTls) -> Mapping[str, Validity | None]:
    found = {"certFile": _first_to_end(settings.cert_file, most=1)}
    if settings.client_ca_file is None:
        return found
    return {**found, "clientCAFile": _first_to_end(settings.client_ca_file)}


def _first_to_end(path: str, most: int | None = None) -> Validity | None:
    """Return the time of the first of the certificates of a file, or of the one of them that ends first."""
    try:
        certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())[:most]
        times = [Validity(each.not_valid_before_utc, each.not_valid_after_utc) for each in certificates]
    except (OSError, ValueError):
        # OpenSSL has read it just now, and takes more than is known here: that it is served is what counts.
        return None
    return min(times, key=lambda each: each.ends)


def _reason(err: OSError) -> str:
    if isinstance(err, ssl.SSLError):
        return (err.reason or str(err)).lower().replace("_", " ")
    return (err.strerror or str(err)).lower()
