"""Addresses in settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from egxds.errors import StartError
from egxds.wire.listen import Address, TcpAddress, UnixPath, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:18000", TcpAddress("127.0.0.1", 18000)),
        ("localhost:0", TcpAddress("localhost", 0)),
        ("[::1]:18000", TcpAddress("::1", 18000)),
        ("unix:/run/egxds/xds.sock", UnixPath(Path("/run/egxds/xds.sock"))),
    ],
)
def test_address(text: str, address: Address) -> None:
    """An address is read, and written as it was."""
    assert parse_address("xds.address", text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "unix:", "18000", ":18000", "host", "host:", "host:port", "host:65536", "host:²"])
def test_no_address(text: str) -> None:
    """What is no address is refused with the name of the setting and the forms that there are."""
    with pytest.raises(StartError, match=r"admin\.address: .*write host:port"):
        parse_address("admin.address", text)
