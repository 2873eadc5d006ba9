"""Gateways put together: what was decided about each, with its routes and policies, as it is handed on. Pure."""

from __future__ import annotations

from egxds.model.resolve.denials import listener_denials
from egxds.model.resolve.listener_protocols import ListenerProtocol
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_targets import Attachments, policies_on
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.model.resolve.routes import AttachedRoutes, RouteBook
from egxds.model.resolve.verdicts import GatewayVerdict


def resolved_gateway(verdict: GatewayVerdict, routes: RouteBook, policies: PolicyBook) -> ResolvedGateway:
    """Put a Gateway together; that costs its listeners, however many routes they have.

    Args:
        verdict: what was decided about it.
        routes: knows those of its listeners.
        policies: knows those on it and on its listeners.
    """
    gateway = verdict.gateway
    attachments = policies.on(gateway.key)
    return ResolvedGateway(
        gateway=gateway,
        class_name=gateway.content.gateway_class_name,
        addresses=verdict.addresses.addresses,
        listeners=tuple(
            _resolved_listener(
                entry,
                protocol,
                routes.at(gateway.key, entry.listener.name),
                attachments,
                listener_denials(gateway, entry.listener.name, policies),
            )
            for entry in verdict.served
            if (protocol := entry.protocol) is not None
        ),
        policies=policies_on(attachments, {listener.name for listener in gateway.content.listeners}),
        closed=verdict.closed,
        client_certificate=verdict.client_certificate,
        lacks_certificate=verdict.certificate_fault is not None,
    )


def _resolved_listener(
    entry: ListenerVerdict,
    protocol: ListenerProtocol,
    routes: AttachedRoutes,
    attachments: Attachments,
    denials: tuple[str, ...],
) -> ResolvedListener:
    return ResolvedListener(
        name=entry.listener.name,
        port=entry.listener.port,
        protocol=protocol,
        hostname=entry.hostname,
        certificates=entry.certificates,
        routes=routes,
        policies=policies_on(attachments, (entry.listener.name,)),
        denials=(*denials, *(fault.message for fault in entry.denials)),
        trust=entry.trust.trust,
    )
