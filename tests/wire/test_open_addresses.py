"""An address that others than this machine reach says so at start."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from egxds.wire.listen import TcpAddress, UnixPath, warn_if_open


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "egxds.test"])
def test_an_open_address_is_named(host: str) -> None:
    """With the setting, and what to do."""
    with capture_logs() as lines:
        warn_if_open("xds.address", TcpAddress(host, 18000), "set xds.tls.clientCAFile")
    (line,) = lines
    assert (line["event"], line["log_level"], line["setting"]) == ("wire.address_open", "warning", "xds.address")
    assert line["advice"] == "set xds.tls.clientCAFile"


@pytest.mark.parametrize("address", [TcpAddress("127.0.0.1", 1), TcpAddress("::1", 1), TcpAddress("localhost", 1)])
def test_loopback_is_not(address: TcpAddress) -> None:
    """Nor is a Unix socket."""
    with capture_logs() as lines:
        warn_if_open("xds.address", address, "")
        warn_if_open("xds.address", UnixPath(Path("/run/egxds.sock")), "")
    assert lines == []
