"""What becomes of each listener of a Gateway and of its ListenerSets, its routes aside: served, or why not. Pure.

Source: Gateway API v1.6, GatewaySpec.listeners, ListenerSetSpec.listeners and ListenerStatus.

Listeners of ListenerSets are judged as those of the Gateway are, and together with them: they share its ports. Which of
them cannot be told apart, and who wins, stands in `listener_conflicts`.

An overlap is no conflict (`overlaps`): both listeners are served.

Conflicts and references are separate verdicts. A listener with three certificates of which one is missing is served
with two; it is the status that says ResolvedRefs is false. One that asks of its clients what is not done here
(`client_trust`) is not accepted either, but Envoy gets it: it is closed to everybody. One that is to check its clients
and trusts nobody is not served at all: no connection is to be had.

What was decided is kept for a listener that says the same and is in the same conflict, unless its TLS ends here: then
it rests on certificates and on what the Gateway asks of clients, which are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from egxds.model.api.core import SecretBody
from egxds.model.api.gateway import GatewaySpec, Listener, RouteGroupKind
from egxds.model.api.listener_set import ListenerSetSpec
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path, path_text
from egxds.model.resolve.client_trust import NOTHING_ASKED, TrustVerdict, client_trust, unserved_trust
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_conflicts import conflicts_of, listener_key
from egxds.model.resolve.listener_protocols import ListenerProtocol, protocol_of
from egxds.model.resolve.overlaps import Overlap, TlsNames, overlaps_of
from egxds.model.resolve.owned_listeners import ListenerOwner, OwnedListener, listeners_of
from egxds.model.resolve.references import kind_text, resolve_certificate
from egxds.model.resolve.resolved import ANY_HOST
from egxds.model.resolve.route_kinds import ROUTE_KINDS, kinds_at
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ListenerVerdict:
    """What becomes of one listener.

    Attributes:
        name: among all listeners of the Gateway.
        owner: what it stands in: the Gateway, or a ListenerSet for it.
        listener: as that has it.
        path: where it stands there.
        protocol: how connections come to it; None where that is not served.
        kinds: the kinds of routes it takes.
        certificates: those that can be served, in order.
        conflict: what it conflicts with; nothing where it is distinct.
        refusal: why it is not accepted, a conflict included; nothing where it is.
        faults: why it cannot be programmed as it is written, though it is accepted.
        reference_faults: route kinds and certificates that it names in vain.
        denials: why it is closed to everything, where Envoy gets it.
        overlap: other listeners that a client may take for it, where TLS is involved; nothing where there are none.
        trust: what its clients are asked for.
    """

    name: str
    owner: ObjectKey
    listener: Listener
    path: Path
    protocol: ListenerProtocol | None
    kinds: tuple[RouteGroupKind, ...]
    certificates: tuple[ApiObject[SecretBody], ...] = ()
    conflict: Fault | None = None
    refusal: Fault | None = None
    faults: tuple[Fault, ...] = ()
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
    def is_accepted(self) -> bool:
        """Whether it asks for nothing that is not done here, or is another listener's; it may still lack something."""
        return self.refusal is None and not self.denials

    @property
    def is_valid(self) -> bool:
        """Whether it is served as it is written."""
        return self.is_served and not self.denials

    @property
    def is_served(self) -> bool:
        """Whether Envoy gets it. With several certificates, those that are fine are served without the others."""
        if self.protocol is None or (self.protocol.ends_tls and not self.certificates):
            return False
        return self.refusal is None and not self.faults and bool(self.kinds)


def judge_listeners(
    gateway: ApiObject[GatewaySpec],
    sets: Sequence[ApiObject[ListenerSetSpec]],
    index: ObjectIndex,
    before: Iterable[ListenerVerdict] = (),
    older: Iterable[Sequence[OwnedListener]] = (),
) -> tuple[ListenerVerdict, ...]:
    """Judge all listeners of a Gateway: its own, then those of its ListenerSets, each in the order of their object.

    Args:
        gateway: the Gateway.
        sets: the ListenerSets that it takes, the one that counts more first.
        index: finds certificates and the grants for them.
        before: what was decided the last time.
        older: the listeners of each object before it that has the same ports, the one that counts more first.
    """
    known = {verdict.name: verdict for verdict in before}
    owners: tuple[ListenerOwner, ...] = (gateway, *sets)
    objects = [listeners_of(owner) for owner in owners]
    conflicts = conflicts_of((*older, *objects))
    judged = [
        _kept(known.get(each.name), each, conflict) or _judge(gateway, each, conflict, index)
        for each in chain.from_iterable(objects)
        for conflict in (conflicts.get(listener_key(each)),)
    ]
    overlaps = overlaps_of([_tls_names(verdict, index) for verdict in judged if verdict.has_server_names])
    return tuple(
        replace(verdict, overlap=overlaps.get(verdict.name)) if _answers_for_others(verdict) else verdict
        for verdict in judged
    )


def _answers_for_others(verdict: ListenerVerdict) -> bool:
    """Tell whether requests for other listeners can be seen, and refused, on a connection to this one."""
    return verdict.has_server_names and verdict.protocol is not None and verdict.protocol.reads_requests


def _kept(before: ListenerVerdict | None, owned: OwnedListener, conflict: Fault | None) -> ListenerVerdict | None:
    """Return what was decided about a listener where it still holds, whatever else has changed."""
    if before is None or (before.protocol is not None and before.protocol.ends_tls):
        return None
    read = (before.owner, before.path, before.listener, before.conflict)
    return before if read == (owned.owner.key, owned.path, owned.listener, conflict) else None


def _judge(
    gateway: ApiObject[GatewaySpec], owned: OwnedListener, conflict: Fault | None, index: ObjectIndex
) -> ListenerVerdict:
    listener, path = owned.listener, owned.path
    protocol = protocol_of(listener)
    kinds, kind_faults = _kinds(listener, protocol, path)
    certificates, certificate_faults = _certificates(owned, protocol, index)
    trust = client_trust(gateway, owned, protocol, index)
    return ListenerVerdict(
        name=owned.name,
        owner=owned.owner.key,
        listener=listener,
        path=path,
        protocol=protocol,
        kinds=kinds,
        certificates=certificates,
        conflict=conflict,
        refusal=conflict or _unsupported(listener, protocol, path) or trust.refusal,
        faults=tuple(_unservable(listener, path)),
        reference_faults=(*certificate_faults, *trust.reference_faults, *kind_faults),
        denials=tuple(unserved_trust(listener, protocol, path)),
        trust=trust,
    )


def _tls_names(verdict: ListenerVerdict, index: ObjectIndex) -> TlsNames:
    names = frozenset(name for each in verdict.certificates for name in index.dns_names(each))
    return TlsNames(verdict.name, verdict.listener.port, verdict.hostname, names)


def _unsupported(listener: Listener, protocol: ListenerProtocol | None, path: Path) -> Fault | None:
    if protocol is not None:
        return None
    *served, last = sorted({protocol.name for row in ROUTE_KINDS.values() for protocol in row.protocols})
    message = (
        f"listener {listener.name}: protocol {listener.protocol} is not served; {', '.join(served)} and {last} are"
    )
    return Fault(Reason.UNSUPPORTED_PROTOCOL, message, path)


def _unservable(listener: Listener, path: Path) -> Iterator[Fault]:
    """Say what of a listener nobody can do, though the API takes it."""
    for each in listener.unservable():
        message = f"listener {listener.name}: {path_text(each.path)}: {each.message}"
        yield Fault(Reason.INVALID, message, (*path, *each.path))


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
    owned: OwnedListener, protocol: ListenerProtocol | None, index: ObjectIndex
) -> tuple[tuple[ApiObject[SecretBody], ...], list[Fault]]:
    listener = owned.listener
    if protocol is None or not protocol.ends_tls or listener.tls is None:
        return (), []
    found = [
        resolve_certificate(owned.owner, ref, (*owned.path, "tls", "certificateRefs", position), index)
        for position, ref in enumerate(listener.tls.certificate_refs)
    ]
    secrets = {entry.key: entry for entry in found if not isinstance(entry, Fault)}
    return tuple(secrets.values()), [_at_listener(listener, entry) for entry in found if isinstance(entry, Fault)]


def _at_listener(listener: Listener, fault: Fault) -> Fault:
    return Fault(fault.reason, f"listener {listener.name}: {fault.message}", fault.path)
