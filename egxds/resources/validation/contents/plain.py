"""Contents of the small messages that stand everywhere: durations, addresses, matchers, certificates. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egxds.certificates.key_pair import CERTIFICATE_ENTRY, KEY_ENTRY, KeyPair, read_key_pair
from egxds.certificates.pem import is_plain
from egxds.re2_syntax import check_regex
from egxds.unix_path import check_unix_path

LONGEST_SECONDS = 9223372035
"""Of a duration: Envoy counts nanoseconds in 63 bits."""


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
    data = {entry: inline(source) for entry, source in sources.items()}
    if not all(data.values()) or certificate.HasField("password") or certificate.HasField("ocsp_staple"):
        return
    found = read_key_pair(data)
    if not isinstance(found, KeyPair):
        yield from found
    yield from (f"{entry}: a line of dashes has text beside it" for entry, text in data.items() if not is_plain(text))


def inline(source: Any) -> bytes:
    """Return what stands in a `DataSource` itself; nothing where it is elsewhere."""
    specifier = source.WhichOneof("specifier")
    if specifier == "inline_string":
        return bytes(source.inline_string.encode())
    return bytes(source.inline_bytes) if specifier == "inline_bytes" else b""


def _wrong_duration(duration: Any) -> Iterator[str]:
    if duration.seconds < 0 or duration.nanos < 0:
        yield "seconds: must not be negative"
    elif duration.seconds > LONGEST_SECONDS:
        yield f"seconds: must be at most {LONGEST_SECONDS}"


def _wrong_network(network: Any) -> Iterator[str]:
    try:
        ipaddress.ip_address(network.address_prefix)
    except ValueError:
        yield "address_prefix: must be an IP address"


def _wrong_string_matcher(matcher: Any) -> Iterator[str]:
    if matcher.ignore_case and matcher.HasField("safe_regex"):
        yield "ignore_case: has no effect on safe_regex; write (?i) into the expression"


PLAIN_CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "envoy.config.core.v3.CidrRange": _wrong_network,
    "envoy.config.core.v3.Pipe": _wrong_path,
    "envoy.extensions.transport_sockets.tls.v3.TlsCertificate": _wrong_key_pair,
    "envoy.type.matcher.v3.RegexMatcher": _wrong_regex,
    "envoy.type.matcher.v3.StringMatcher": _wrong_string_matcher,
    "google.protobuf.Duration": _wrong_duration,
    "xds.core.v3.CidrRange": _wrong_network,
}
"""Type of message → what finds out what is wrong in one."""
