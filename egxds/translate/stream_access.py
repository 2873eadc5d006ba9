"""Rules about clients' addresses → which connections the filter chain of a route takes. Pure.

Envoy's RBAC filter for connections, which Envoy Gateway has, decides when a client says something first. By then the
connection to the backend is there, and what a backend says first has gone to the client (seen with 1.40). So the chain
takes only connections from addresses that the rules let in, before anything is said, TLS included; the filter stands
there as well, for statistics and by Envoy Gateway's order. A connection that no chain takes is closed: once its server
name has led to chains, Envoy tries no others.

Of ranges within each other Envoy goes by the narrowest. What the rules say of a range without the narrower ones in it
is what the first rule says that names it, or a wider one:

    deny 10.1.0.0/16; allow 10.0.0.0/8         one chain takes 10.0.0.0/8, another 10.1.0.0/16, which has no filters
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC

from egxds.model.resolve.features.authorization import NamedRules
from egxds.resources.encoding import pack
from egxds.translate.http_filters.authorization import Network, access_matcher, cidr_range, network_of

_EVERYBODY = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_ALLOW = "Allow"


def access_filter(rules: NamedRules, statistics: str) -> Filter:
    """Write the filter that counts who gets through.

    Args:
        rules: about addresses alone.
        statistics: what its statistics are named after.
    """
    config = RBAC(stat_prefix=statistics, matcher=access_matcher(rules))
    return Filter(name="envoy.filters.network.rbac", typed_config=pack(config))


def match_addresses(chain: FilterChain, rules: NamedRules) -> list[FilterChain]:
    """Have a chain take only the connections that rules let through.

    Args:
        chain: takes them all so far; without filters afterwards where nobody is let through.
        rules: about addresses alone.

    Returns:
        What takes the connections that would be the chain's otherwise, and are closed.
    """
    actions = _actions(rules)
    allowed = [network for network, action in actions.items() if action == _ALLOW]
    denied = [network for network, action in actions.items() if action != _ALLOW and network not in _EVERYBODY]
    if not allowed:
        chain.ClearField("filters")
        return []
    if len(allowed) == len(actions):
        return []
    closed = FilterChain(name=f"{chain.name}/denied", filter_chain_match=chain.filter_chain_match)
    closed.filter_chain_match.source_prefix_ranges.extend(map(cidr_range, denied))
    chain.filter_chain_match.source_prefix_ranges.extend(map(cidr_range, allowed))
    return [closed] if denied else []


def _actions(rules: NamedRules) -> Mapping[Network, str]:
    """Return what becomes of each range that rules name, and of everybody, without the narrower ranges in it."""
    first: dict[tuple[int, int, int], int] = {}
    named: dict[Network, None] = dict.fromkeys(_EVERYBODY)
    for position, (_, rule) in enumerate(rules.rules):
        for cidr in rule.principal.client_cidrs if rule.principal is not None else ():
            network = network_of(cidr)
            named[network] = None
            first.setdefault(_prefix(network, network.prefixlen), position)
    lengths = {version: sorted({each[1] for each in first if each[0] == version}) for version in (4, 6)}
    found: dict[Network, str] = {}
    for network in sorted(named, key=str):
        wider = (_prefix(network, length) for length in lengths[network.version] if length <= network.prefixlen)
        position = min((first[each] for each in wider if each in first), default=len(rules.rules))
        is_named = position < len(rules.rules)
        found[network] = rules.rules[position][1].action if is_named else rules.default_action
    return found


def _prefix(network: Network, length: int) -> tuple[int, int, int]:
    """Return the range of a length that a network is in, as a key."""
    return network.version, length, int(network.network_address) >> (network.max_prefixlen - length)
