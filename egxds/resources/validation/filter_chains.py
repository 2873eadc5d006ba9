"""What Envoy asks of the filter chains of one listener together. Pure.

Seen with Envoy 1.40: a listener of which two chains could both be meant is refused as a whole, and so is one without
any chain. Envoy spreads each match into all combinations of its values, and no two chains may have one in common.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator

from envoy.config.core.v3 import address_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2

MAX_COMBINATIONS = 100_000
"""Of one listener. It is more than anybody needs, and Envoy would hold each of them in memory."""

_Combination = tuple[object, ...]


def chain_faults(listener: listener_pb2.Listener) -> Iterator[str]:
    """Say what Envoy would refuse a listener's filter chains for.

    Args:
        listener: each message of it keeps its own rules.
    """
    if not _is_matched_by_chain(listener):
        return
    if not listener.filter_chains and not listener.HasField("default_filter_chain"):
        yield "it has no filter chain"
    labels = [repr(chain.name) if chain.name else str(at) for at, chain in enumerate(listener.filter_chains)]
    taken: dict[_Combination, int] = {}
    for at, chain in enumerate(listener.filter_chains):
        label = f"filter chain {labels[at]}"
        yield from (f"{label}: {fault}" for fault in _name_faults(chain.filter_chain_match.server_names))
        for combination in _combinations(chain.filter_chain_match):
            other = taken.setdefault(combination, at)
            if other != at:
                yield f"{label} matches what filter chain {labels[other]} matches"
                return
            if len(taken) > MAX_COMBINATIONS:
                yield f"the matches of its filter chains have more than {MAX_COMBINATIONS} combinations"
                return


def _is_matched_by_chain(listener: listener_pb2.Listener) -> bool:
    """Tell whether connections are given to chains by their matches: datagrams are not, nor is a matcher tree asked."""
    is_tcp = listener.address.socket_address.protocol == address_pb2.SocketAddress.TCP
    is_special = any(map(listener.HasField, ("api_listener", "udp_listener_config", "filter_chain_matcher")))
    return is_tcp and not is_special


def _name_faults(server_names: Iterable[str]) -> Iterator[str]:
    for name in server_names:
        if "*" in name.removeprefix("*."):
            yield f"server name {name!r}: write a whole name, or one whose first label is '*'"


def _combinations(match: listener_components_pb2.FilterChainMatch) -> Iterator[_Combination]:
    return itertools.product(
        (match.destination_port.value if match.HasField("destination_port") else None,),
        _networks(match.prefix_ranges),
        {name.lower() for name in match.server_names} or ("",),
        (match.transport_protocol,),
        set(match.application_protocols) or ("",),
        _networks(match.direct_source_prefix_ranges),
        (match.source_type,),
        _networks(match.source_prefix_ranges),
        set(match.source_ports) or (None,),
    )


def _networks(ranges: Iterable[address_pb2.CidrRange]) -> Iterable[object]:
    return {_network(found) for found in ranges} or (None,)


def _network(found: address_pb2.CidrRange) -> object:
    try:
        return ipaddress.ip_network(f"{found.address_prefix}/{found.prefix_len.value}", strict=False)
    except ValueError:
        return found.address_prefix, found.prefix_len.value
