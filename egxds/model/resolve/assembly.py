"""Gateways put together: what was decided about each, with its routes and policies, as it is handed on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, count
from operator import attrgetter

from egxds.model.api.envoy_patch_policy import EnvoyPatchPolicySpec
from egxds.model.api.gateway import GATEWAY_CLASS
from egxds.model.resolve.backend_traffic import NOTHING_ASKED, BackendTraffic, traffic_of_listeners
from egxds.model.resolve.effective_policies import EffectivePolicies, PoliciesInForce
from egxds.model.resolve.listener_denials import listener_denials
from egxds.model.resolve.listener_policies import listener_policies, policy_denials
from egxds.model.resolve.listener_protocols import ListenerProtocol
from egxds.model.resolve.listener_traffic import AS_SETTINGS_HAVE_IT, ListenerTraffic, TrafficOfListeners
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.owned_listeners import ListenerOwner
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_targets import Policy, policies_on
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.model.resolve.routes import AttachedRoutes, RouteBook
from egxds.model.resolve.verdicts import GatewayVerdict
from egxds.object_key import ObjectKey


def resolved_gateway(
    verdict: GatewayVerdict,
    routes: RouteBook,
    policies: PolicyBook,
    effective: EffectivePolicies,
    traffic: TrafficOfListeners,
) -> ResolvedGateway:
    """Put a Gateway together; that costs its listeners, however many routes they have.

    Args:
        verdict: what was decided about it.
        routes: knows those of its listeners.
        policies: knows those on it and on its listeners.
        effective: knows what is in force there.
        traffic: how its listeners take their clients.
    """
    gateway, shown = verdict.gateway, verdict.shown
    sets = tuple(each.listener_set for each in verdict.admissions if each.refusal is None)
    owners: tuple[ListenerOwner, ...] = (*sets, gateway)
    in_force = listener_policies(verdict, effective)
    names = {owner.key: _names(owner) for owner in (owners if in_force else ())}
    to_backends = traffic_of_listeners(in_force, gateway.key, names, effective)
    handed_on = (policies_on(policies.on(owner.key), _names(owner)) for owner in owners)
    return ResolvedGateway(
        gateway=gateway,
        class_name=gateway.content.gateway_class_name,
        addresses=verdict.addresses.addresses,
        listeners=tuple(
            _with_traffic(each, traffic.get(each.name, AS_SETTINGS_HAVE_IT), to_backends.get(each.name, NOTHING_ASKED))
            for each in _resolved_listeners(verdict, routes, policies, in_force)
        ),
        policies=_each_once(chain.from_iterable(handed_on)),
        closed=verdict.closed,
        listener_sets=sets,
        client_certificate=shown.secret if shown is not None else None,
        lacks_certificate=shown is not None and shown.secret is None,
        patches=_patches(verdict, policies),
        proxy=verdict.proxy,
        served_as=verdict.served_as,
    )


def _resolved_listeners(
    verdict: GatewayVerdict, routes: RouteBook, policies: PolicyBook, in_force: Mapping[str, PoliciesInForce]
) -> Iterator[ResolvedListener]:
    """Yield the listeners that are served, however they take their clients, and whatever is asked of their traffic."""
    gateway, denials, closed = (
        verdict.gateway.key,
        listener_denials(verdict, policies),
        policy_denials(verdict, in_force),
    )
    for entry in verdict.served:
        protocol = entry.protocol
        if protocol is not None:
            yield _resolved_listener(
                entry,
                protocol,
                routes.at(gateway, entry.name),
                _listener_policies(entry, gateway, policies),
                (*denials.get(entry.name, ()), *(() if _may_have_own(protocol) else closed.get(entry.name, ()))),
                in_force.get(entry.name, ()),
            )


def _may_have_own(protocol: ListenerProtocol) -> bool:
    """Tell whether routes at a listener may have policies of their own, and so be open where others are closed."""
    return protocol.reads_requests or protocol.authorizes_connections


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


def _patches(verdict: GatewayVerdict, policies: PolicyBook) -> tuple[Policy, ...]:
    """Return the policies that patch a Gateway, the lowest priority first, of several the oldest.

    One for a GatewayClass patches what its Gateways come to where they are served as one.
    """
    gateway = verdict.gateway
    of_class = GATEWAY_CLASS.key("", gateway.content.gateway_class_name)
    keys = (gateway.key, of_class) if verdict.served_as else (gateway.key,)
    found = _each_once(each.policy for key in keys for each in policies.patching(key))
    return tuple(sorted(found, key=_priority))


def _priority(policy: Policy) -> int:
    asked = policy.content.asked
    return asked.priority if isinstance(asked, EnvoyPatchPolicySpec) else 0


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
    in_force: PoliciesInForce,
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
        in_force=in_force,
        trust=entry.trust.trust,
    )


def _with_traffic(
    listener: ResolvedListener, traffic: ListenerTraffic, to_backends: BackendTraffic
) -> ResolvedListener:
    """Return a listener that takes its clients as a policy has it, whatever its Gateway asks of certificates."""
    if to_backends is not NOTHING_ASKED:
        listener = replace(listener, to_backends=to_backends)
    if traffic is AS_SETTINGS_HAVE_IT:
        return listener
    denials = (*listener.denials, *traffic.denials(listener.protocol.denied))
    trust = traffic.trust if traffic.trust is not None and listener.protocol.ends_tls else listener.trust
    return replace(listener, denials=denials, trust=trust, traffic=traffic)
