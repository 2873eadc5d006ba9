"""Addresses that no backend may have, as ranges: the same as are refused where they are written."""

from __future__ import annotations

import ipaddress

import pytest

from egxds.model.resolve.closed_addresses import ClosedAddresses
from egxds.model.resolve.closed_ranges import AddressRange, ClosedRanges, closed_ranges
from egxds.model.resolve.upstreams import SocketAddress
from egxds.settings.backends import BackendSettings

OURS = ClosedAddresses.of(
    "0.0.0.0:18000",
    "10.1.2.3:18001",
    BackendSettings.model_validate({"allowedAddresses": ["169.254.1.0/24", "127.0.0.1:19000", "metadata.test"]}),
)
HOSTS = (
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::127.0.0.1"),
    *("10.1.2.3", "::ffff:10.1.2.3", "10.1.2.4", "192.0.2.1", "2001:db8::1"),
    *("169.254.169.254", "::ffff:169.254.169.254", "169.254.1.7", "::ffff:169.254.1.7", "fe80::1", "fd00:ec2::254"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192"),
)


def _is_closed(ranges: ClosedRanges, host: str, port: int) -> bool:
    def has(found: tuple[AddressRange, ...]) -> bool:
        address = ipaddress.ip_address(host)
        return any(address in each.network and each.port in (None, port) for each in found)

    return has(ranges.closed) and not has(ranges.open)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("port", [80, 443, 18000, 18001, 19000])
def test_what_is_found_is_closed_as_what_is_written(host: str, port: int) -> None:
    """In every way to write it."""
    assert _is_closed(closed_ranges(OURS), host, port) == bool(OURS.refusal(SocketAddress(host, port)))
