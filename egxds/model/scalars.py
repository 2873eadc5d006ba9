"""Values with a syntax of their own: names, hostnames, headers, durations, regular expressions. Pure."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Annotated

import re2
from pydantic import AfterValidator, Field

_DURATION_PART = re.compile(r"([0-9]{1,5})(h|ms|m|s)")
_DURATION = re.compile(r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"^{_LABEL}(\.{_LABEL})*$"


def _quiet_options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


_RE2_OPTIONS = _quiet_options()


def check_regex(value: str) -> str:
    """Accept what Envoy's regular expressions accept.

    Raises:
        ValueError: it is not RE2 syntax; the text says where.
    """
    try:
        re2.compile(value, _RE2_OPTIONS)
    except re2.error as err:
        raise ValueError(f"not a regular expression in RE2 syntax: {_text(err)}") from err
    return value


def _text(err: Exception) -> str:
    reason = err.args[0] if err.args else "unknown"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def duration_s(value: str) -> float:
    """Return the seconds of a duration such as `1h30m` or `500ms` (GEP-2257); the value is already checked."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))


def _check_duration(value: str) -> str:
    if not _DURATION.match(value):
        raise ValueError("not a duration: write up to four of h, m, s and ms, such as 10s or 1m30s")
    return value


def _check_ip(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError as err:
        raise ValueError("not an IP address") from err
    return value


def _check_not_ip(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return value
    raise ValueError("an IP address is not a hostname")


def _decode_base64(value: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error as err:
        raise ValueError("not base64") from err


Name = Annotated[str, Field(max_length=63, pattern=rf"^({_LABEL})?$")]
"""A DNS label; empty where a namespace is not given."""

Subdomain = Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
"""A DNS subdomain."""

Hostname = Annotated[
    str,
    Field(min_length=1, max_length=253, pattern=rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$"),
    AfterValidator(_check_not_ip),
]
"""A hostname; the first label may be a wildcard."""

PreciseHostname = Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
"""A hostname without a wildcard."""

HeaderName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$")]
"""The name of an HTTP header or query parameter."""

HeaderValue = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$")]
"""The value of an HTTP header: no control characters."""

Duration = Annotated[str, AfterValidator(_check_duration)]
"""A duration as Gateway API writes it (GEP-2257)."""

Regex = Annotated[str, AfterValidator(check_regex)]
"""A regular expression in RE2 syntax."""

IpAddress = Annotated[str, AfterValidator(_check_ip)]
"""An IPv4 or IPv6 address."""

Base64Bytes = Annotated[bytes, Field(repr=False)]
"""Bytes that a file writes in base64."""
