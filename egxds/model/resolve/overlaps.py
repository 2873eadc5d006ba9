"""Which listeners of a port a client may take for one another, once it has a TLS connection. Pure.

Source: Gateway API v1.6, GEP-3567 and the condition OverlappingTLSConfig.

An HTTP/2 client uses the connection that it has for every other host that the certificate is for (RFC 9113, 9.1.1), so
the request arrives past the certificate, the settings and the filters of that host's listener. Where it does, it is
answered 421, and the client makes a connection of its own; that this happens is told in the status.

Names are looked up by the wildcards that cover them, so that this costs what it finds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from egxds.model.resolve.faults import Reason
from egxds.model.resolve.hostnames import patterns_of


@dataclass(frozen=True, slots=True)
class Overlap:
    """Other listeners whose requests a connection to one may carry.

    Attributes:
        reason: whether it is the hostnames that overlap, or (also) the names in the certificates.
        listeners: their names among all of the Gateway, in its order.
    """

    reason: Reason
    listeners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlsNames:
    """A listener that terminates TLS.

    Attributes:
        listener: its name.
        port: where it listens.
        hostname: `*` where it names none.
        certificates: DNS names in its certificates.
    """

    listener: str
    port: int
    hostname: str
    certificates: frozenset[str]


def overlaps_of(listeners: Sequence[TlsNames]) -> Mapping[str, Overlap]:
    """Find the listeners that overlap with others, by name.

    Args:
        listeners: in the Gateway's order.
    """
    hostnames = _overlapping([(each.port, (each.hostname,)) for each in listeners])
    certificates = _overlapping([(each.port, each.certificates) for each in listeners])
    found: dict[str, Overlap] = {}
    for position, listener in enumerate(listeners):
        others = hostnames[position] | certificates[position]
        reason = Reason.OVERLAPPING_CERTIFICATES if certificates[position] else Reason.OVERLAPPING_HOSTNAMES
        if others:
            found[listener.listener] = Overlap(reason, tuple(listeners[other].listener for other in sorted(others)))
    return found


def _overlapping(named: Sequence[tuple[int, Iterable[str]]]) -> list[set[int]]:
    """Return for each which others of its port have a name that covers one of its own, or is covered by one."""
    holders: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
    covered: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
    for position, (port, names) in enumerate(named):
        for name in names:
            holders[port, name].add(position)
            for pattern in patterns_of(name):
                covered[port, pattern].add(position)
    return [
        set().union(*chain.from_iterable(_others(port, name, holders, covered) for name in names)) - {position}
        for position, (port, names) in enumerate(named)
    ]


def _others(
    port: int, name: str, holders: Mapping[tuple[int, str], set[int]], covered: Mapping[tuple[int, str], set[int]]
) -> Iterable[set[int]]:
    yield covered[port, name]
    yield from (holders.get((port, pattern), set()) for pattern in patterns_of(name))
