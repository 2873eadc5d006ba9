"""IP addresses as text."""

from __future__ import annotations

import ipaddress

import pytest

from egxds.ip_text import ip_text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::", "::"),
        ("::ffff:7f00:1", "::ffff:127.0.0.1"),
        ("::ffff:0:0", "::ffff:0.0.0.0"),
        ("64:ff9b::7f00:1", "64:ff9b::7f00:1"),
    ],
)
def test_spelling(written: str, text: str) -> None:
    """It is the same on every Python; 3.13 and those before have two."""
    assert ip_text(ipaddress.ip_address(written)) == text
