"""What is asked of requests at the listeners of a Gateway, and what becomes of those that look at none. Pure.

A listener whose policies cannot be done stays as it is for Envoy: its requests are answered 500 by the filter that
denies (`egxds.translate.http_filters`), but for those that a route's own policy is for. Where connections are passed on
as a whole they may be told apart by their clients' addresses (`connection_access`); a policy that cannot be done there
closes the routes without one of their own. Where datagrams are, any such policy closes the listener, since nobody could
be asked for what it wants. What is about the traffic to backends is that of rules, whatever they look at
(`backend_traffic`).
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from egxds.model.resolve.connection_access import asked_at_listener
from egxds.model.resolve.effective_policies import EffectivePolicies, PoliciesInForce
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.verdicts import GatewayVerdict


def listener_policies(verdict: GatewayVerdict, effective: EffectivePolicies) -> Mapping[str, PoliciesInForce]:
    """Return what is asked of requests at the listeners of a Gateway, and of its ListenerSets, by name.

    Of those that pass connections on, it is what is asked of these.
    """
    everything = all_listener_policies(verdict, effective)
    if not everything:
        return {}
    found = {
        entry.name: tuple(
            each for each in everything.get(entry.name, ()) if not APPLIED_KINDS[each.kind].is_for_connections
        )
        for entry in verdict.listeners
    }
    streams = {entry.name for entry in verdict.listeners if authorizes_connections(entry)}
    return {
        name: asked_at_listener(in_force) if name in streams else in_force
        for name, in_force in found.items()
        if in_force
    }


def authorizes_connections(entry: ListenerVerdict) -> bool:
    """Tell whether a policy may say which connections a listener passes on."""
    return entry.protocol is not None and entry.protocol.authorizes_connections


def all_listener_policies(verdict: GatewayVerdict, effective: EffectivePolicies) -> Mapping[str, PoliciesInForce]:
    """Return what is in force at the listeners of a Gateway, and of its ListenerSets, by name, where anything is.

    Where no policy is for anything that they stand in, only the interpreter goes over the listeners.
    """
    gateway = verdict.gateway.key
    owners = {gateway, *map(attrgetter("owner"), verdict.listeners)}
    if not effective.are_any_for(owners):
        return {}
    names = {owner: [each.listener.name for each in verdict.listeners if each.owner == owner] for owner in owners}
    found = {
        entry.name: effective.at_listener(gateway, entry.owner, entry.listener.name, names)
        for entry in verdict.listeners
    }
    return {name: in_force for name, in_force in found.items() if in_force}


def policy_denials(verdict: GatewayVerdict, in_force: Mapping[str, PoliciesInForce]) -> Mapping[str, tuple[str, ...]]:
    """Say which listeners are denied by policies that are applied to requests, and why, by name.

    Args:
        verdict: what was decided about the Gateway.
        in_force: what is in force at its listeners.
    """
    if not in_force:
        return {}
    found = {entry.name: _denials(entry, in_force.get(entry.name, ())) for entry in verdict.listeners}
    return {name: why for name, why in found.items() if why}


def _denials(entry: ListenerVerdict, in_force: PoliciesInForce) -> tuple[str, ...]:
    if entry.protocol is None or entry.protocol.reads_requests:
        return tuple(f"{each.denial}: what no policy of a route is for answers 500" for each in in_force if each.faults)
    if entry.protocol.authorizes_connections:
        return tuple(f"{each.denial}: what no policy of a route is for is closed" for each in in_force if each.faults)
    closed = f"of which no requests are looked at: {entry.protocol.denied}"
    of_requests = (each for each in in_force if not APPLIED_KINDS[each.kind].is_for_backends)
    return tuple(f"{each.policies[0]} is in force at listener {entry.listener.name}, {closed}" for each in of_requests)
