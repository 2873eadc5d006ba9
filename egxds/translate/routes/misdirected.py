"""What answers a request that came over a connection made for another listener. Pure.

An HTTP/2 client may use one connection for several hosts (`model.resolve.overlaps`). A RouteConfiguration of an HTTPS
listener has the routes of that listener alone; for the hostnames of the others on its port it answers 421, so that the
client makes a connection for them, and not 404, which it would believe (RFC 9110, 15.5.20).
"""

from __future__ import annotations

from collections.abc import Collection

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.error_virtual_host import answering_virtual_host
from egxds.resources.route_configuration import VirtualHost
from egxds.translate.http_filters.table import FilterConfigs

_STATUS = 421


def misdirected_virtual_host(domains: Collection[str], gateway: ObjectKey, filters: FilterConfigs) -> VirtualHost:
    """Make the virtual host of the hostnames that belong to other listeners.

    Args:
        domains: not none.
        gateway: whose listeners they are.
        filters: what it says of HTTP filters, which are not to answer before it does.
    """
    named = (names.MISDIRECTED_VIRTUAL_HOST, names.MISDIRECTED_ROUTE)
    return answering_virtual_host(named, _STATUS, domains, (gateway,), filters)
