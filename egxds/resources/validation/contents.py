"""What Envoy asks of values that no rule of a field describes: a row for each type of message. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egxds.certificates.key_pair import CERTIFICATE_ENTRY, KEY_ENTRY, KeyPair, read_key_pair
from egxds.certificates.pem import is_plain
from egxds.re2_syntax import check_regex
from egxds.unix_path import check_unix_path


def _wrong_regex(matcher: Any) -> Iterator[str]:
    try:
        check_regex(matcher.regex)
    except ValueError as err:
        yield f"regex: {err}"


def _wrong_path(pipe: Any) -> Iterator[str]:
    try:
        check_unix_path(pipe.path)
    except ValueError as err:
        yield f"path: {err}"


def _wrong_key_pair(certificate: Any) -> Iterator[str]:
    """Look at a certificate that stands in the message with its key, without a password, and is not to be stapled."""
    sources = {CERTIFICATE_ENTRY: certificate.certificate_chain, KEY_ENTRY: certificate.private_key}
    data = {entry: _inline(source) for entry, source in sources.items()}
    if not all(data.values()) or certificate.HasField("password") or certificate.HasField("ocsp_staple"):
        return
    found = read_key_pair(data)
    if not isinstance(found, KeyPair):
        yield from found
    yield from (f"{entry}: a line of dashes has text beside it" for entry, text in data.items() if not is_plain(text))


def _inline(source: Any) -> bytes:
    """Return what stands in the message itself; nothing where it is elsewhere."""
    specifier = source.WhichOneof("specifier")
    if specifier == "inline_string":
        return bytes(source.inline_string.encode())
    return bytes(source.inline_bytes) if specifier == "inline_bytes" else b""


CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "envoy.config.core.v3.Pipe": _wrong_path,
    "envoy.extensions.transport_sockets.tls.v3.TlsCertificate": _wrong_key_pair,
    "envoy.type.matcher.v3.RegexMatcher": _wrong_regex,
}
"""Type of message → what finds out what is wrong in one."""
