"""Gateways put together: what was decided about each, with its routes and policies, as it is handed on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, count
from operator import attrgetter

from egxds.model.resolve.listener_denials import listener_denials
from egxds.model.resolve.listener_protocols import ListenerProtocol
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.owned_listeners import ListenerOwner
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_targets import Policy, policies_on
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.model.resolve.routes import AttachedRoutes, RouteBook
from egxds.model.resolve.verdicts import GatewayVerdict
from egxds.object_key import ObjectKey


def resolved_gateway(verdict: GatewayVerdict, routes: RouteBook, policies: PolicyBook) -> ResolvedGateway:
    """Put a Gateway together; that costs its listeners, however many routes they have.

    Args:
        verdict: what was decided about it.
        routes: knows those of its listeners.
        policies: knows those on it and on its listeners.
    """
    gateway = verdict.gateway
    sets = tuple(each.listener_set for each in verdict.admissions if each.refusal is None)
    owners: tuple[ListenerOwner, ...] = (*sets, gateway)
    denials = listener_denials(verdict, policies)
    handed_on = (policies_on(policies.on(owner.key), _names(owner)) for owner in owners)
    return ResolvedGateway(
        gateway=gateway,
        class_name=gateway.content.gateway_class_name,
        addresses=verdict.addresses.addresses,
        listeners=tuple(
            _resolved_listener(
                entry,
                protocol,
                routes.at(gateway.key, entry.name),
                _listener_policies(entry, gateway.key, policies),
                denials.get(entry.name, ()),
            )
            for entry in verdict.served
            if (protocol := entry.protocol) is not None
        ),
        policies=_each_once(chain.from_iterable(handed_on)),
        closed=verdict.closed,
        listener_sets=sets,
        client_certificate=verdict.client_certificate,
        lacks_certificate=verdict.certificate_fault is not None,
    )


def with_routes(gateway: ResolvedGateway, routes: Mapping[str, AttachedRoutes]) -> ResolvedGateway:
    """Return a Gateway with the routes that some of its listeners have now.

    Args:
        gateway: as it is otherwise.
        routes: listener, by its name in the Gateway → all of its routes; those of one that is not served are nothing.
    """
    positions = dict(zip(map(attrgetter("name"), gateway.listeners), count(), strict=False))
    listeners = list(gateway.listeners)
    for name, found in routes.items():
        at = positions.get(name)
        if at is not None:
            listeners[at] = replace(listeners[at], routes=found)
    return replace(gateway, listeners=tuple(listeners))


def _names(owner: ListenerOwner) -> frozenset[str]:
    return frozenset(listener.name for listener in owner.content.listeners)


def _each_once(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    return tuple({policy.key: policy for policy in policies}.values())


def _listener_policies(entry: ListenerVerdict, gateway: ObjectKey, policies: PolicyBook) -> tuple[Policy, ...]:
    """Return the extensions' policies on a listener and on what it stands in, then those on all of its Gateway."""
    own = policies_on(policies.on(entry.owner), (entry.listener.name,))
    return _each_once((*own, *policies_on(policies.on(gateway), ()))) if entry.owner != gateway else own


def _resolved_listener(
    entry: ListenerVerdict,
    protocol: ListenerProtocol,
    routes: AttachedRoutes,
    policies: tuple[Policy, ...],
    denials: tuple[str, ...],
) -> ResolvedListener:
    return ResolvedListener(
        name=entry.name,
        owner=entry.owner,
        port=entry.listener.port,
        protocol=protocol,
        hostname=entry.hostname,
        certificates=entry.certificates,
        routes=routes,
        policies=policies,
        denials=(*denials, *(fault.message for fault in entry.denials)),
        trust=entry.trust.trust,
    )
