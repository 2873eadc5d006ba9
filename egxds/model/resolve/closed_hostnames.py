"""Hostnames whose connections are closed, because their listener is not served and a wider one would take them. Pure.

A listener without a certificate, for one, has no filter chain. Envoy would give its connections to the listener of the
next wider hostname, and its requests to routes that nobody meant them for, past whatever it asks of its clients.
"""

from __future__ import annotations

from collections.abc import Sequence

from egxds.model.resolve.hostnames import patterns_of
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.resolved import ClosedHostname


def closed_hostnames(listeners: Sequence[ListenerVerdict]) -> tuple[ClosedHostname, ...]:
    """Return the hostnames to close, each once on a port, in the Gateway's order.

    Args:
        listeners: all of a Gateway.
    """
    taken = {(each.listener.port, each.hostname) for each in listeners if each.is_served and each.has_server_names}
    closed: dict[tuple[int, str], ClosedHostname] = {}
    for each in listeners:
        at = each.listener.port, each.hostname
        if (
            each.has_server_names
            and at not in taken
            and any((at[0], wider) in taken for wider in patterns_of(each.hostname))
        ):
            closed.setdefault(at, ClosedHostname(each.name, *at))
    return tuple(closed.values())
