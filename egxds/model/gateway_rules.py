"""Rules of a Gateway that span several of its fields. Pure.

The rules are those of the Gateway's CRD (Gateway API v1.6, validation rules of GatewaySpec and Listener).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egxds.model.findings import Finding

if TYPE_CHECKING:
    from egxds.model.gateway_objects import (
        GatewaySpec,
        GatewayTls,
        LabelSelectorRequirement,
        Listener,
        RouteNamespaces,
    )

_CORE_PROTOCOLS = frozenset({"HTTP", "HTTPS", "TLS", "TCP", "UDP"})
_WITHOUT_TLS = frozenset({"HTTP", "TCP", "UDP"})
_WITH_TLS = frozenset({"HTTPS", "TLS"})
_WITHOUT_HOSTNAME = frozenset({"TCP", "UDP"})


def protocol_name(protocol: str) -> str:
    """Spell a protocol of Gateway API in capitals (they compare without case); leave others as they are."""
    upper = protocol.upper()
    return upper if upper in _CORE_PROTOCOLS else protocol


def tls_findings(tls: GatewayTls) -> Iterator[Finding]:
    """Check the TLS settings of a listener."""
    if tls.mode == "Terminate" and not tls.certificate_refs:
        yield Finding(("certificateRefs",), "mode Terminate needs at least one certificateRef")


def requirement_findings(requirement: LabelSelectorRequirement) -> Iterator[Finding]:
    """Check one expression of a label selector."""
    needs_values = requirement.operator in ("In", "NotIn")
    if needs_values and not requirement.values:
        yield Finding(("values",), f"operator {requirement.operator} needs at least one value")
    if not needs_values and requirement.values:
        yield Finding(("values",), f"operator {requirement.operator} takes no values; delete them")


def namespaces_findings(namespaces: RouteNamespaces) -> Iterator[Finding]:
    """Check from where a listener takes routes."""
    if namespaces.from_ == "Selector" and namespaces.selector is None:
        yield Finding(("from",), "from: Selector needs a selector")


def listener_findings(listener: Listener) -> Iterator[Finding]:
    """Check that a listener's fields fit its protocol."""
    protocol = listener.protocol_name
    if listener.tls is not None and protocol in _WITHOUT_TLS:
        yield Finding(("tls",), f"protocol {protocol} takes no tls; delete it or use HTTPS")
    if listener.tls is None and protocol in _WITH_TLS:
        yield Finding(("protocol",), f"protocol {protocol} needs tls")
    if listener.tls is not None and protocol == "HTTPS" and listener.tls.mode != "Terminate":
        yield Finding(("tls", "mode"), "protocol HTTPS needs mode Terminate")
    if listener.hostname is not None and protocol in _WITHOUT_HOSTNAME:
        yield Finding(("hostname",), f"protocol {protocol} takes no hostname; delete it")


def gateway_findings(gateway: GatewaySpec) -> Iterator[Finding]:
    """Check what the listeners, and the addresses, of a Gateway must not have in common."""
    yield from _equal_names(gateway)
    yield from _equal_listeners(gateway)
    yield from _equal_addresses(gateway)


def _equal_names(gateway: GatewaySpec) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, listener in enumerate(gateway.listeners):
        if listener.name in seen:
            yield Finding(("listeners", index, "name"), f"another listener is named {listener.name} too; rename one")
        seen.add(listener.name)


def _equal_listeners(gateway: GatewaySpec) -> Iterator[Finding]:
    seen: dict[tuple[int, str, str | None], str] = {}
    for index, listener in enumerate(gateway.listeners):
        traffic = (listener.port, listener.protocol_name, listener.hostname)
        if traffic in seen:
            message = f"port, protocol and hostname are those of listener {seen[traffic]}; change one of the three"
            yield Finding(("listeners", index), message)
        seen.setdefault(traffic, listener.name)


def _equal_addresses(gateway: GatewaySpec) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for index, address in enumerate(gateway.addresses):
        asked = (address.type, address.value or "")
        if address.value and asked in seen:
            yield Finding(("addresses", index), f"address {address.value} is asked for more than once; delete one")
        seen.add(asked)
