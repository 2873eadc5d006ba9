"""Values with a syntax of their own."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from egxds.model.api import scalars
from egxds.re2_syntax import check_regex


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("500ms", 0.5), ("10s", 10), ("1h30m", 5400), ("1m30s250ms", 90.25), ("99999s", 99999)],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    """A duration has up to four parts of h, m, s and ms (GEP-2257)."""
    assert scalars.duration_s(TypeAdapter(scalars.Duration).validate_python(text)) == seconds


@pytest.mark.parametrize("text", ["", "10", "1.5s", "-1s", "100000s", "1d", "1s1s1s1s1s", "10s\n", "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Fractions, signs, other units, a fifth part and a trailing newline are no durations."""
    with pytest.raises(ValidationError, match="is not a duration"):
        TypeAdapter(scalars.Duration).validate_python(text)


@pytest.mark.parametrize("pattern", ["a+", "(a|b)", r"^/v[0-9]+/.*$", "(?i)x", r"\d{3}"])
def test_re2_syntax_is_accepted(pattern: str) -> None:
    """What Envoy compiles is accepted as it stands."""
    assert check_regex(pattern) == pattern


@pytest.mark.parametrize("pattern", ["(", "a**", "[z-a]", "(?=look)", r"(a)\1", "(?<!b)c"])
def test_what_re2_lacks_is_refused(pattern: str) -> None:
    """Unbalanced groups, look-around and back references are refused before Envoy would refuse them."""
    with pytest.raises(ValueError, match="RE2"):
        check_regex(pattern)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", True),
        ("a.b-c.test", True),
        ("a.test.", True),
        ("a.test..", False),
        (".", False),
        ("*.test", False),
        ("10.0.0.1", False),
        ("10.0.0.1.", False),
        ("A", False),
        ("", False),
    ],
)
def test_a_dns_name_has_no_wildcard_and_is_no_address(value: str, expected: bool) -> None:
    """Wildcards, addresses and capitals are no hostnames to connect to; a dot at the end makes one absolute."""
    assert scalars.is_dns_name(value) is expected


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (scalars.ServerName, "1.2.3.4"),
        (scalars.Hostname, "*"),
        (scalars.Hostname, "a.test."),
        (scalars.DnsName, "a.test.."),
        (scalars.DnsName, "."),
        (scalars.Hostname, "a.*.test"),
        (scalars.Hostname, "a." * 127 + "abc"),
        (scalars.Subdomain, "UPPER"),
        (scalars.Subdomain, ""),
        (scalars.Name, "a.b"),
        (scalars.HeaderName, "a b"),
        (scalars.HeaderName, ":path"),
        (scalars.HeaderValue, "a\r\nb"),
        (scalars.IpAddress, "256.1.1.1"),
        (scalars.Base64Bytes, "no base64!"),
        (scalars.Protocol, "foo bar"),
    ],
)
def test_bad_syntax_is_refused(type_: Any, value: str) -> None:
    """Each type refuses what an API server, or Envoy, would."""
    with pytest.raises(ValidationError):
        TypeAdapter(type_).validate_python(value)


def test_base64_may_be_folded() -> None:
    """Base64 in YAML often comes in lines."""
    assert TypeAdapter(scalars.Base64Bytes).validate_python("aGVs\n bG8=") == b"hello"
