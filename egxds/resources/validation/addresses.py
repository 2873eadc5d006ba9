"""The addresses that listeners bind: Envoy refuses a second listener on one of them. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from envoy.config.core.v3 import address_pb2
from envoy.config.listener.v3 import listener_pb2

Socket = tuple[str, str, int]
"""(TCP, UDP, pipe or internal; IP address, path or name; port, 0 where it has none)."""

_REMEMBERED = 1024
_LARGEST_REMEMBERED_BYTES = 128 * 1024
"""Larger are those that hold a filter chain for each of many routes, of which each edit makes another version."""


def sockets(body: bytes) -> frozenset[Socket]:
    """Return what a listener binds; port 0 is a free one each time, and counts for nothing.

    Args:
        body: an encoded Listener that parses.
    """
    return _remembered(body) if len(body) <= _LARGEST_REMEMBERED_BYTES else _bound_by(body)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(body: bytes) -> frozenset[Socket]:
    return _bound_by(body)


def _bound_by(body: bytes) -> frozenset[Socket]:
    listener = listener_pb2.Listener.FromString(body)
    addresses = (listener.address, *(further.address for further in listener.additional_addresses))
    return frozenset(socket for address in addresses for socket in _sockets(address))


def contested(bodies: Iterable[bytes]) -> frozenset[Socket]:
    """Return what more than one of some listeners binds."""
    counts = Counter(socket for body in bodies for socket in sockets(body))
    return frozenset(socket for socket, count in counts.items() if count > 1)


def describe(socket: Socket) -> str:
    """Name an address for people."""
    _, address, port = socket
    return f"{address} port {port}" if port else address


def _sockets(address: address_pb2.Address) -> Iterator[Socket]:
    kind = address.WhichOneof("address")
    if kind == "socket_address":
        socket = address.socket_address
        if socket.port_value:
            protocol = address_pb2.SocketAddress.Protocol.Name(socket.protocol)
            yield protocol, _canonical(socket.address), socket.port_value
    elif kind == "pipe":
        yield "pipe", address.pipe.path, 0
    elif kind is not None:
        yield "internal", address.envoy_internal_address.server_listener_name, 0


def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
