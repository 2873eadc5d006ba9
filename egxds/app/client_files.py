"""The files of an Envoy's side of TLS: written beside its bootstrap, and the names to check read from a certificate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from cryptography import x509

from egxds.app.client_tls import XdsConnection, secret_files
from egxds.errors import StartError
from egxds.settings.daemon import Settings


def with_server_names(way: XdsConnection, settings: Settings, base: Path) -> XdsConnection:
    """Return a connection that checks the names in the server's certificate as it is now, unless it says which.

    Args:
        way: as the user has it.
        settings: name the certificate.
        base: directory that relative paths of the settings start from.

    Raises:
        StartError: the certificate cannot be read here, or has no name.
    """
    tls = settings.xds.tls
    if tls is None or way.server_names:
        return way
    path = base / tls.cert_file
    try:
        names = _names(x509.load_pem_x509_certificates(path.read_bytes())[0])
    except (OSError, ValueError) as err:
        raise StartError(f"{path}: its names, which an Envoy is to check, cannot be read here ({err})") from err
    if not names:
        raise StartError(f"{path}: it has no alternative name that an Envoy could check: issue it with one")
    return replace(way, server_names=names)


def absolute(way: XdsConnection) -> XdsConnection:
    """Return a connection whose files are found from any directory."""
    files = {key: getattr(way, key) for key in ("ca_file", "cert_file", "key_file", "sds_dir")}
    return replace(way, **{key: path.absolute() for key, path in files.items() if path is not None})


def write_secret_files(way: XdsConnection) -> None:
    """Write what Envoy reads its certificates by; each file is moved to its place as a whole.

    Args:
        way: with `sds_dir`; its paths are those that Envoy will know.

    Raises:
        StartError: they cannot be written.
    """
    if way.sds_dir is None:
        return
    try:
        way.sds_dir.mkdir(parents=True, exist_ok=True)
        for name, content in secret_files(way).items():
            draft = way.sds_dir / f".{name}"
            draft.write_text(json.dumps(content, indent=1) + "\n")
            draft.replace(way.sds_dir / name)
    except OSError as err:
        raise StartError(f"{way.sds_dir}: cannot write there: {(err.strerror or str(err)).lower()}") from err


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    kinds = (x509.UniformResourceIdentifier, x509.DNSName, x509.IPAddress)
    return tuple(str(name) for kind in kinds for name in found.get_values_for_type(kind))
