"""What becomes of each listener of a Gateway, its routes aside: served, or why not. Pure.

Source: Gateway API v1.6, GatewaySpec.listeners ("Distinct Listeners", "Handling indistinct Listeners") and
ListenerStatus.

Listeners of a port are told apart by their hostnames, and must all speak what can be told apart on one port
(`listener_protocols`): plain HTTP or TLS. One for plain TCP, or for UDP, has its port alone. Where they cannot be, none
of them wins: within one Gateway no listener is older, and an order in a list that decides whose traffic arrives is one
that nobody meant. (Between Gateways the older one wins, `class_conflicts`.)

An overlap is no conflict (`overlaps`): both listeners are served.

Conflicts and references are separate verdicts. A listener with three certificates of which one is missing is served
with two; it is the status that says ResolvedRefs is false. One that asks of its clients what is not done here
(`client_trust`) is not accepted either, but Envoy gets it: it is closed to everybody. One that is to check its clients
and trusts nobody is not served at all: no connection is to be had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from egxds.model.api.core import SecretBody
from egxds.model.api.gateway import GatewaySpec, Listener, RouteGroupKind
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path
from egxds.model.resolve.client_trust import NOTHING_ASKED, TrustVerdict, client_trust, unserved_trust
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_protocols import ListenerProtocol, ToldApart, Transport, protocol_of
from egxds.model.resolve.overlaps import Overlap, TlsNames, overlaps_of
from egxds.model.resolve.references import kind_text, resolve_certificate
from egxds.model.resolve.resolved import ANY_HOST
from egxds.model.resolve.route_kinds import ROUTE_KINDS, kinds_at


@dataclass(frozen=True, slots=True)
class ListenerVerdict:
    """What becomes of one listener.

    Attributes:
        listener: as the Gateway has it.
        path: where it stands in the Gateway.
        protocol: how connections come to it; None where that is not served.
        kinds: the kinds of routes it takes.
        certificates: those that can be served, in order.
        conflict: what it conflicts with; nothing where it is distinct.
        refusal: why it is not accepted, a conflict included; nothing where it is.
        reference_faults: route kinds and certificates that it names in vain.
        denials: why it is closed to everything, where Envoy gets it.
        overlap: other listeners that a client may take for it, where TLS is involved; nothing where there are none.
        trust: what its clients are asked for.
    """

    listener: Listener
    path: Path
    protocol: ListenerProtocol | None
    kinds: tuple[RouteGroupKind, ...]
    certificates: tuple[ApiObject[SecretBody], ...] = ()
    conflict: Fault | None = None
    refusal: Fault | None = None
    reference_faults: tuple[Fault, ...] = ()
    denials: tuple[Fault, ...] = ()
    overlap: Overlap | None = None
    trust: TrustVerdict = NOTHING_ASKED

    @property
    def hostname(self) -> str:
        """Its hostname, `*` where it has none."""
        return self.listener.hostname or ANY_HOST

    @property
    def has_server_names(self) -> bool:
        """Whether connections come to it by the server name that a client asks for."""
        return self.protocol is not None and self.protocol.has_server_names

    @property
    def is_valid(self) -> bool:
        """Whether it is served as it is written."""
        return self.is_served and not self.denials

    @property
    def is_served(self) -> bool:
        """Whether Envoy gets it. With several certificates, those that are fine are served without the others."""
        if self.protocol is None or (self.protocol.ends_tls and not self.certificates):
            return False
        return self.refusal is None and bool(self.kinds)


def judge_listeners(gateway: ApiObject[GatewaySpec], index: ObjectIndex) -> tuple[ListenerVerdict, ...]:
    """Judge all listeners of a Gateway, in its own order.

    Args:
        gateway: the Gateway.
        index: finds certificates and the grants for them.
    """
    listeners = gateway.content.listeners
    conflicts = _conflicts(listeners)
    judged = [_judge(gateway, position, conflicts.get(position), index) for position in range(len(listeners))]
    overlaps = overlaps_of([_tls_names(verdict, index) for verdict in judged if verdict.has_server_names])
    return tuple(
        replace(verdict, overlap=overlaps.get(verdict.listener.name)) if _answers_for_others(verdict) else verdict
        for verdict in judged
    )


def _answers_for_others(verdict: ListenerVerdict) -> bool:
    """Tell whether requests for other listeners can be seen, and refused, on a connection to this one."""
    return verdict.has_server_names and verdict.protocol is not None and verdict.protocol.reads_requests


def _judge(
    gateway: ApiObject[GatewaySpec], position: int, conflict: Fault | None, index: ObjectIndex
) -> ListenerVerdict:
    listener = gateway.content.listeners[position]
    path: Path = ("spec", "listeners", position)
    protocol = protocol_of(listener)
    kinds, kind_faults = _kinds(listener, protocol, path)
    certificates, certificate_faults = _certificates(gateway, listener, path, index)
    trust = client_trust(gateway, listener, protocol, index)
    return ListenerVerdict(
        listener=listener,
        path=path,
        protocol=protocol,
        kinds=kinds,
        certificates=certificates,
        conflict=conflict,
        refusal=conflict or _unsupported(listener, protocol, path) or trust.refusal,
        reference_faults=(*certificate_faults, *trust.reference_faults, *kind_faults),
        denials=tuple(unserved_trust(listener, protocol, path)),
        trust=trust,
    )


def _tls_names(verdict: ListenerVerdict, index: ObjectIndex) -> TlsNames:
    names = frozenset(name for each in verdict.certificates for name in index.dns_names(each))
    return TlsNames(verdict.listener.name, verdict.listener.port, verdict.hostname, names)


def _unsupported(listener: Listener, protocol: ListenerProtocol | None, path: Path) -> Fault | None:
    if protocol is not None:
        return None
    *served, last = sorted({protocol.name for row in ROUTE_KINDS.values() for protocol in row.protocols})
    message = (
        f"listener {listener.name}: protocol {listener.protocol} is not served; {', '.join(served)} and {last} are"
    )
    return Fault(Reason.UNSUPPORTED_PROTOCOL, message, path)


def _kinds(
    listener: Listener, protocol: ListenerProtocol | None, path: Path
) -> tuple[tuple[RouteGroupKind, ...], list[Fault]]:
    """Return the kinds of routes that a listener takes, and those it names in vain."""
    served = tuple(RouteGroupKind(group=row.group, kind=row.kind) for row in kinds_at(protocol))
    wanted = listener.allowed_routes.kinds
    if not wanted:
        return served, []
    faults = [
        Fault(
            Reason.INVALID_ROUTE_KINDS,
            f"listener {listener.name}: it takes no routes of kind {kind_text(kind.group, kind.kind)}",
            (*path, "allowedRoutes", "kinds", position),
        )
        for position, kind in enumerate(wanted)
        if kind not in served
    ]
    return tuple(kind for kind in served if kind in wanted), faults


def _certificates(
    gateway: ApiObject[GatewaySpec], listener: Listener, path: Path, index: ObjectIndex
) -> tuple[tuple[ApiObject[SecretBody], ...], list[Fault]]:
    protocol = protocol_of(listener)
    if protocol is None or not protocol.ends_tls or listener.tls is None:
        return (), []
    found = [
        resolve_certificate(gateway, ref, (*path, "tls", "certificateRefs", position), index)
        for position, ref in enumerate(listener.tls.certificate_refs)
    ]
    secrets = {entry.key: entry for entry in found if not isinstance(entry, Fault)}
    return tuple(secrets.values()), [_at_listener(listener, entry) for entry in found if isinstance(entry, Fault)]


def _at_listener(listener: Listener, fault: Fault) -> Fault:
    return Fault(fault.reason, f"listener {listener.name}: {fault.message}", fault.path)


def _conflicts(listeners: Sequence[Listener]) -> dict[int, Fault]:
    """Find the listeners that traffic could not be told apart for; none of them wins."""
    ports: dict[tuple[Transport, int], list[int]] = defaultdict(list)
    protocols = [protocol_of(listener) for listener in listeners]
    for position, protocol in enumerate(protocols):
        if protocol is not None:
            ports[protocol.transport, listeners[position].port].append(position)
    found: dict[int, Fault] = {}
    for positions in ports.values():
        told_apart = {protocol.told_apart for protocol in map(protocols.__getitem__, positions) if protocol is not None}
        if len(told_apart) > 1 or (ToldApart.NOT_AT_ALL in told_apart and len(positions) > 1):
            found |= _protocol_conflicts(listeners, positions)
        else:
            found |= _hostname_conflicts(listeners, positions)
    return found


def _protocol_conflicts(listeners: Sequence[Listener], positions: Iterable[int]) -> dict[int, Fault]:
    spoken = ", ".join(f"{listeners[position].name} {listeners[position].protocol_name}" for position in positions)
    return {
        position: Fault(
            Reason.PROTOCOL_CONFLICT,
            f"listener {listeners[position].name}: listeners of port {listeners[position].port} "
            f"cannot share it ({spoken}); give each protocol a port of its own",
            ("spec", "listeners", position),
        )
        for position in positions
    }


def _hostname_conflicts(listeners: Sequence[Listener], positions: Iterable[int]) -> dict[int, Fault]:
    by_hostname: dict[str, list[int]] = defaultdict(list)
    for position in positions:
        by_hostname[listeners[position].hostname or ANY_HOST].append(position)
    return {
        position: Fault(
            Reason.HOSTNAME_CONFLICT,
            f"listener {listeners[position].name}: hostname {hostname} of port {listeners[position].port} "
            f"belongs to listeners {', '.join(listeners[other].name for other in same)}; only one can have it",
            ("spec", "listeners", position),
        )
        for hostname, same in by_hostname.items()
        for position in same
        if len(same) > 1
    }
