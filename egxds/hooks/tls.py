"""TLS to an extension server: files in, a context for the next connection out. Reads files and logs."""

from __future__ import annotations

import ssl
from pathlib import Path

from egxds.errors import StartError
from egxds.hooks.calls import describe_manager
from egxds.settings import ExtensionTls
from egxds.telemetry import log

_Stamp = tuple[tuple[int, int, int] | None, ...]
"""(inode, modification time, size) of each file; nothing for one that is not there."""


class ClientTls:
    """The certificates of one extension, as their files have them now.

    Files are looked at whenever a connection is made. What cannot be used then, such as a certificate whose key is
    yet to be replaced, leaves the certificates in force that could be used last.
    """

    def __init__(self, settings: ExtensionTls, base: Path, manager: str) -> None:
        """Prepare; nothing is read yet.

        Args:
            settings: which files.
            base: directory that relative paths start from.
            manager: name of the extension manager, for messages.
        """
        self._manager = manager
        self._ca_file = base / settings.ca_file
        self._cert_file = base / settings.cert_file if settings.cert_file else None
        self._key_file = base / settings.key_file if settings.key_file else None
        self._context: ssl.SSLContext | None = None
        self._stamp: _Stamp = ()

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection.

        Raises:
            StartError: a file cannot be used, and none could be used before.
        """
        stamp = tuple(_stamp(path) for path in (self._ca_file, self._cert_file, self._key_file) if path)
        if self._context is not None and stamp == self._stamp:
            return self._context
        self._stamp = stamp
        self._context = self._load() if self._context is None else self._reload(self._context)
        return self._context

    def _reload(self, before: ssl.SSLContext) -> ssl.SSLContext:
        try:
            context = self._load()
        except StartError as err:
            log.error("hook.certificates_kept", manager=self._manager, error=str(err))
            return before
        log.info("hook.certificates_loaded", manager=self._manager)
        return context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2"])
        try:
            context.load_verify_locations(self._ca_file)
        except OSError as err:
            raise self._fault("caFile", f"{self._ca_file}", err) from err
        if self._cert_file and self._key_file:
            try:
                context.load_cert_chain(self._cert_file, self._key_file, password=_no_password)
            except OSError as err:
                raise self._fault("certFile, keyFile", f"{self._cert_file} and {self._key_file}", err) from err
        return context

    def _fault(self, keys: str, files: str, err: OSError) -> StartError:
        where = f"service.tls of {describe_manager(self._manager)}"
        return StartError(f"{where}: {keys}: cannot use {files}: {_reason(err)}")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _no_password() -> str:
    """Answer for the user, who would else be asked on the terminal for the password of an encrypted key."""
    return ""


def _reason(err: OSError) -> str:
    if isinstance(err, ssl.SSLError):
        return (err.reason or str(err)).lower().replace("_", " ")
    return (err.strerror or str(err)).lower()
