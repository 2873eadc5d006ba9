"""IP addresses as text, the same on every Python. Cellar, pure.

An IPv4 address within an IPv6 address is written with dots since Python 3.13, as Envoy and the C library do, and in
hexadecimal digits by those before; what Envoys are sent must not depend on that.
"""

from __future__ import annotations

import ipaddress


def ip_text(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return an address in its one spelling (RFC 5952)."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(address) if mapped is None else f"::ffff:{mapped}"
