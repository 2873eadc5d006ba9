"""Which Listener has an address, and which of its filter chains takes a connection. Pure.

Envoy compares filter chains field by field, in this order: destination port, destination address, server name,
transport protocol, application protocols, and where the client is. At each it keeps the most specific that fits, and
never goes back to the others: a chain for the very server name hides one for a wildcard, whatever else they ask for.
What is left over goes to the default chain, or is closed (Envoy API, FilterChainMatch).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from egxds.inspect.explain.question import Question

_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
_PLAIN = "raw_buffer"
_TLS = "tls"
_ANYWHERE = (ipaddress.ip_address("0.0.0.0"), ipaddress.ip_address("::"))  # noqa: S104 compared, not bound
Chains = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The filter chain that takes a connection.

    Attributes:
        chain: the FilterChain message; None where none takes it.
        is_default: whether it is the one for what is left over.
        depends: on what; empty where it is told.
        server_names: that chains have of the listener, where none has the one asked for.
    """

    chain: Any
    is_default: bool = False
    depends: str = ""
    server_names: tuple[str, ...] = ()


def sockets_of(listener: Any) -> Iterator[tuple[str, int, bool]]:
    """Yield address, port and whether it is for datagrams, of what a Listener binds."""
    for address in (listener.address, *(each.address for each in listener.additional_addresses)):
        socket = address.socket_address
        if address.HasField("socket_address"):
            yield socket.address, socket.port_value, socket.protocol == type(socket).UDP


def closeness(listener: Any, question: Question) -> int:
    """Return how closely a Listener has the address that is asked for: 2 for the very one, 1 for any, 0 not at all."""
    fits = [
        _closeness(address, question.address)
        for address, port, is_udp in sockets_of(listener)
        if (port, is_udp) == (question.port, question.scheme.is_udp)
    ]
    return max(fits, default=0)


def _closeness(bound: str, asked: str | None) -> int:
    if asked is None or bound == asked:
        return 2
    address, wanted = ipaddress.ip_address(bound), ipaddress.ip_address(asked)
    if address == wanted:
        return 2
    return 1 if address in _ANYWHERE and address.version >= wanted.version else 0


def find_chain(listener: Any, question: Question) -> Found:
    """Return the filter chain of a Listener that takes a connection."""
    if listener.HasField("filter_chain_matcher"):
        return Found(None, depends="on a matcher of the listener (filter_chain_matcher), which is not read here")
    kept: Chains = list(listener.filter_chains)
    is_seen = _looks_at_tls(listener) and question.scheme.is_tls
    name = question.server_name if is_seen else ""
    steps: tuple[Callable[[Chains], Chains], ...] = (
        lambda chains: _by_key(chains, lambda match: match.destination_port.value or None, [question.port]),
        lambda chains: _by_address(chains, question.address),
        lambda chains: _by_keys(chains, lambda match: match.server_names, _names(name)),
        lambda chains: _by_key(chains, lambda match: match.transport_protocol or None, [_TLS if is_seen else _PLAIN]),
        lambda chains: _by_keys(chains, lambda match: match.application_protocols, question.offered if is_seen else ()),
    )
    for step in steps:
        kept = step(kept)
    if any(map(_asks_for_source, kept)):
        return Found(None, depends="on where the client is (its address or port)")
    if kept:
        return Found(kept[0])
    if listener.HasField("default_filter_chain"):
        return Found(listener.default_filter_chain, is_default=True)
    names = (each for chain in listener.filter_chains for each in chain.filter_chain_match.server_names)
    return Found(None, server_names=tuple(dict.fromkeys(names)))


def _looks_at_tls(listener: Any) -> bool:
    """Tell whether a Listener knows server names: it says so, or Envoy adds what does for a chain that needs it."""
    matches = [chain.filter_chain_match for chain in listener.filter_chains]
    return any(each.typed_config.type_url.endswith(_INSPECTOR) for each in listener.listener_filters) or any(
        each.transport_protocol in ("", _TLS) and (each.transport_protocol or each.server_names) for each in matches
    )


def _names(name: str) -> Iterator[str]:
    """Yield the names that a chain may have for a server name, the closest first."""
    if name:
        yield name
        parts = name.split(".")
        yield from ("*." + ".".join(parts[at:]) for at in range(1, len(parts)))


def _by_key(chains: Chains, key: Callable[[Any], object], wanted: Iterable[object]) -> Chains:
    return _by_keys(chains, lambda match: [found] if (found := key(match)) is not None else [], wanted)


def _by_keys(chains: Chains, keys: Callable[[Any], Iterable[object]], wanted: Iterable[object]) -> Chains:
    """Keep the chains that ask for the first of what is wanted that any asks for; else those that ask for nothing."""
    for each in wanted:
        found = [chain for chain in chains if each in keys(chain.filter_chain_match)]
        if found:
            return found
    return [chain for chain in chains if not list(keys(chain.filter_chain_match))]


def _by_address(chains: Chains, address: str | None) -> Chains:
    """Keep the chains with the longest prefix that has the address; without an address, those that ask for none."""
    lengths = {id(chain): _prefix_length(chain.filter_chain_match.prefix_ranges, address) for chain in chains}
    longest = max((length for length in lengths.values() if length is not None), default=None)
    return [chain for chain in chains if longest is not None and lengths[id(chain)] == longest]


def _prefix_length(ranges: Sequence[Any], address: str | None) -> int | None:
    if not ranges:
        return -1
    if address is None:
        return None
    wanted = ipaddress.ip_address(address)
    nets = (ipaddress.ip_network(f"{one.address_prefix}/{one.prefix_len.value}", strict=False) for one in ranges)
    return max((net.prefixlen for net in nets if wanted in net), default=None)


def _asks_for_source(chain: Any) -> bool:
    match = chain.filter_chain_match
    asked = (match.direct_source_prefix_ranges, match.source_prefix_ranges, match.source_ports)
    return any(asked) or bool(match.source_type)
