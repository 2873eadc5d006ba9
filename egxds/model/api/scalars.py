"""Values with a syntax of their own: names, hostnames, headers, durations, regular expressions. Pure."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import sys
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

_DURATION_PART = re.compile(r"([0-9]{1,5})(h|ms|m|s)")
_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = rf"^({_LABEL})?$"
_SUBDOMAIN = rf"^{_LABEL}(\.{_LABEL})*$"
_HOSTNAME = rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$"
_DNS_NAME = rf"^{_LABEL}(\.{_LABEL})*\.?$"
_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$"
_HEADER_VALUE = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"
_PROTOCOL = rf"^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|^{_LABEL}(\.{_LABEL})*\/[A-Za-z0-9]+$"
_ORIGIN = r"^\*$|^[a-zA-Z][a-zA-Z0-9+\-.]+:\/\/[^:/?#\x00-\x20]+(:[0-9]{1,5})?$"

PATTERN_WORDS = {
    _NAME: "is not a name: use lower-case letters, digits and '-', with a letter or digit at both ends",
    _SUBDOMAIN: "is not a name: use lower-case letters, digits, '-' and '.', with a letter or digit at both ends",
    _HOSTNAME: "is not a hostname: use lower-case letters, digits, '-' and '.'; only the first label may be '*'",
    _DNS_NAME: "is not a hostname: use lower-case letters, digits, '-' and '.'",
    _HEADER_NAME: "is not a header name: use letters, digits and any of !#$%&'*+-.^_`|~",
    _HEADER_VALUE: "holds a control character, which no header may",
    _ORIGIN: "is not an origin: write scheme and host, such as https://shop.example, with a port if need be, or '*'",
    _PROTOCOL: "is not a protocol: write HTTP, HTTPS, or a name with a domain such as example.com/custom",
}
"""Pattern → what to tell someone whose text does not match it."""


def duration_s(value: str) -> float:
    """Return the seconds of a duration such as `1h30m` or `500ms` (GEP-2257); the value is already checked."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))


def is_dns_name(value: str) -> bool:
    """Tell whether a text is a hostname that DNS is asked for, perhaps an absolute one, with a dot at its end."""
    name = value.removesuffix(".")
    return is_subdomain(name) and not _is_ip(name)


def is_subdomain(value: str) -> bool:
    """Tell whether a text is a DNS subdomain."""
    return len(value) <= _MAX_HOSTNAME and re.fullmatch(_SUBDOMAIN, value) is not None


def is_header_name(value: str) -> bool:
    """Tell whether a header can have a name."""
    return re.fullmatch(_HEADER_NAME, value) is not None


def is_header_value(value: str) -> bool:
    """Tell whether a header can have a value: no control characters."""
    return re.fullmatch(_HEADER_VALUE, value) is not None


def _check_duration(value: str) -> str:
    if not _DURATION.fullmatch(value):
        raise ValueError("is not a duration: write up to four of h, m, s and ms, such as 10s or 1m30s")
    return value


def _check_longer(value: str) -> str:
    if not duration_s(value):
        raise ValueError("must be longer than nothing")
    return value


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _check_ip(value: str) -> str:
    if not _is_ip(value):
        raise ValueError("is not an IP address")
    return value


def _check_not_ip(value: str) -> str:
    # One without a colon ends in a digit; to find out of any other costs more than the rest of a route's hostname.
    if value[-1].isdigit() and _is_ip(value):
        raise ValueError("is an IP address, not a hostname")
    return value


def _check_relative(value: object) -> object:
    if isinstance(value, str) and value.endswith("."):
        name = value[:_MAX_HOSTNAME].rstrip(".")
        raise ValueError(f"must not end in a dot: write {name}, which is the same host")
    return value


def _check_not_all_hosts(value: object) -> object:
    if value == "*":
        raise ValueError("must not be '*' alone: delete it, since without a hostname every host is meant")
    return value


def _decode_base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("must be base64 text; plain text belongs under stringData")  # noqa: TRY004 — pydantic's way
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error as err:
        raise ValueError("is not base64; plain text belongs under stringData") from err


_MAX_HOSTNAME = 253

Word = Annotated[str, AfterValidator(sys.intern)]
"""A text that many objects share, such as a kind: one string for all of them."""

Name = Annotated[str, Field(max_length=63, pattern=_NAME)]
"""A DNS label; empty where a namespace is not given."""

Subdomain = Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
"""A DNS subdomain."""

ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
"""How an object is referred to. The API takes any text; one that no object can have leads nowhere."""

Hostname = Annotated[
    str,
    BeforeValidator(_check_not_all_hosts),
    BeforeValidator(_check_relative),
    Field(min_length=1, max_length=253, pattern=_HOSTNAME),
]
"""A hostname; the first label may be a wildcard. The API lets IPv4 addresses pass, which are a Host like another."""

ServerName = Annotated[Hostname, AfterValidator(_check_not_ip)]
"""The same where a certificate has it, or TLS asks for it: no address."""

PreciseHostname = Annotated[
    str, BeforeValidator(_check_relative), Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)
]
"""A hostname without a wildcard."""

DnsName = Annotated[str, Field(min_length=1, max_length=254, pattern=_DNS_NAME)]
"""A hostname that DNS is asked for; one with a dot at its end is absolute, and no search domain is tried."""

HeaderName = Annotated[str, Field(min_length=1, max_length=256, pattern=_HEADER_NAME)]
"""The name of an HTTP header or query parameter."""

HeaderValue = Annotated[str, Field(min_length=1, max_length=4096, pattern=_HEADER_VALUE)]
"""The value of an HTTP header: no control characters."""

PathText = Annotated[str, Field(max_length=1024)]
"""What a path is replaced with; it ends up in a header."""

Origin = Annotated[str, Field(min_length=1, max_length=253, pattern=_ORIGIN)]
"""Where a page comes from, or `*`; in the host `*` stands for any labels."""

Protocol = Annotated[str, Field(min_length=1, max_length=255, pattern=_PROTOCOL)]
"""The protocol of a listener."""

Duration = Annotated[str, AfterValidator(_check_duration)]
"""A duration as Gateway API writes it (GEP-2257)."""

LongerThanNothing = Annotated[Duration, AfterValidator(_check_longer)]
"""One that Envoy takes no 0 for."""


IpAddress = Annotated[str, AfterValidator(_check_ip)]
"""An IPv4 or IPv6 address."""

Base64Bytes = Annotated[bytes, BeforeValidator(_decode_base64)]
"""Bytes that a file writes in base64."""
