"""What is decided about each Gateway, its routes aside. Pure; decides again what read something that changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.model.api.core import SecretBody
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS, GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.addresses import AddressBook
from egxds.model.resolve.attachment import RouteParent
from egxds.model.resolve.client_trust import trust_references
from egxds.model.resolve.closed_hostnames import closed_hostnames
from egxds.model.resolve.dependents import AnyOf, Changed, Dependents, GrantsIn, Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.gateway_classes import Standing, standing
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_sets import admit_sets, set_queries
from egxds.model.resolve.listeners import ListenerVerdict, judge_listeners
from egxds.model.resolve.owned_listeners import ListenerOwner
from egxds.model.resolve.parents import PART_KINDS
from egxds.model.resolve.proxies.book import ProxyBook
from egxds.model.resolve.proxies.settings import AS_NOBODY_SAYS
from egxds.model.resolve.references import resolve_certificate, secret_target
from egxds.model.resolve.siblings import NO_SIBLINGS, OlderSiblings, older_siblings
from egxds.model.resolve.verdicts import Classless, GatewayVerdict
from egxds.object_key import ObjectKey

Gateway = ApiObject[GatewaySpec]


@dataclass(frozen=True, slots=True)
class GatewayEdit:
    """What changed about Gateways.

    Attributes:
        judged: Gateway → what is decided about it now; None where it is gone or another controller's.
        parents: those that routes and policies see otherwise than before, and ListenerSets: they came or went, or are
            ours or not, or say other things.
    """

    judged: Mapping[ObjectKey, GatewayVerdict | Classless | None]
    parents: AbstractSet[ObjectKey]


class GatewayBook:
    """Knows what is decided about every Gateway.

    Attributes:
        ours: those that are served here.
        parents: those, and the ListenerSets for them, as routes see them.
    """

    def __init__(self, index: ObjectIndex, addresses: AddressBook, proxies: ProxyBook, controller_name: str) -> None:
        """Start without Gateways.

        Args:
            index: finds the objects.
            addresses: gives them addresses.
            proxies: knows what is asked of their Envoys.
            controller_name: what a GatewayClass names to be ours.
        """
        self.ours: dict[ObjectKey, GatewayVerdict] = {}
        self.parents: dict[ObjectKey, RouteParent] = {}
        self._index = index
        self._addresses = addresses
        self._proxies = proxies
        self._controller_name = controller_name
        self._known: dict[ObjectKey, tuple[GatewaySpec, Standing]] = {}
        self._named_by: dict[ObjectKey, list[ObjectKey]] = {}
        self._dependents: Dependents[ObjectKey] = Dependents()

    def update(self, changed: Changed, encrypted: AbstractSet[ObjectKey] = frozenset()) -> GatewayEdit:
        """Decide again about the Gateways that read something that changed, with their ListenerSets.

        Args:
            changed: what is others than before.
            encrypted: backends that may be spoken to otherwise.
        """
        dirty = changed.of([GATEWAY.id]) | self._dependents.readers((*changed.queries, *encrypted))
        dirty |= self._siblings(dirty)
        found = {key: self._index.state.of(GATEWAY).get(key) for key in dirty}
        parents = frozenset(key for key, gateway in found.items() if self._take(key, gateway))
        ours = {key: gateway if self._is_ours(key) else None for key, gateway in found.items()}
        given = self._addresses.update(ours) - dirty
        judged = {key: self._judge(key, gateway) for key, gateway in found.items()}
        judged |= {key: self._judge(key, self.ours[key].gateway) for key in given}
        return GatewayEdit(judged, parents | changed.of(PART_KINDS) | self._edit_parents(judged))

    def _edit_parents(self, gateways: Iterable[ObjectKey]) -> AbstractSet[ObjectKey]:
        """Take over what routes see of some Gateways; return the ListenerSets that they see otherwise than before."""
        before = {key: self.parents.pop(key) for gateway in gateways for key in self._named_by.pop(gateway, ())}
        verdicts = (self.ours[gateway] for gateway in gateways if gateway in self.ours)
        now = {parent.key: parent for verdict in verdicts for parent in verdict.parents}
        self.parents |= now
        for key, parent in now.items():
            self._named_by.setdefault(parent.gateway, []).append(key)
        gone = (before[key] for key in before.keys() - now.keys())
        seen = (parent for key, parent in now.items() if not parent.is_seen_as(before.get(key)))
        # What routes see of the Gateways themselves is told by what changed of them.
        return frozenset(parent.key for parent in (*gone, *seen) if parent.key != parent.gateway)

    def merges_class(self, name: str) -> bool:
        """Tell whether all Gateways of a class are served as one."""
        return self._proxies.merges_class(name)

    def of_classes(self, classes: Iterable[ObjectKey]) -> AbstractSet[ObjectKey]:
        """Return the Gateways of ours that name any of some classes."""
        return self._dependents.readers(classes) & self.ours.keys()

    def served_listeners(self, gateway: ObjectKey) -> tuple[ListenerVerdict, ...]:
        """Return what was decided about the listeners of a Gateway; nothing where it is not served."""
        verdict = self.ours.get(gateway)
        return verdict.listeners if verdict is not None and verdict.serves else ()

    def _siblings(self, keys: Iterable[ObjectKey]) -> AbstractSet[ObjectKey]:
        """Return the Gateways that are served as one with some, as they are or were."""
        gateways = self._index.state.of(GATEWAY)
        specs = [self._known[key][0] for key in keys if key in self._known]
        specs += [gateways[key].content for key in keys if key in gateways]
        classes = {spec.gateway_class_name for spec in specs}
        merged = [GATEWAY_CLASS.key("", name) for name in classes if self._proxies.merges_class(name)]
        return {key for key in self._dependents.readers(merged) if key in gateways}

    def _older(self, gateway: Gateway) -> OlderSiblings:
        """Return what a Gateway finds taken by those that are served as one with it."""
        name = gateway.content.gateway_class_name
        keys = self._dependents.readers([GATEWAY_CLASS.key("", name)]) - {gateway.key}
        others = [self._index.state.of(GATEWAY).get(key) for key in keys if self._is_ours(key)]
        there = [each for each in others if each is not None]
        return older_siblings(gateway, there, self._addresses.judge, self._index)

    def _take(self, key: ObjectKey, gateway: Gateway | None) -> bool:
        """Take over a Gateway; tell whether routes and policies see it otherwise than before."""
        before = self._known.pop(key, None)
        if gateway is None:
            self._dependents.forget(key)
            return before is not None
        now = self._known[key] = gateway.content, standing(gateway, self._index.state, self._controller_name)
        self._dependents.note(key, (*_queries(gateway, self._index), *self._proxies.queries(gateway)))
        return before is None or before[0] is not now[0] or before[1] is not now[1]

    def _is_ours(self, key: ObjectKey) -> bool:
        return key in self._known and self._known[key][1] is Standing.OURS

    def _judge(self, key: ObjectKey, gateway: Gateway | None) -> GatewayVerdict | Classless | None:
        before = self.ours.pop(key, None)
        if gateway is None or self._known[key][1] is Standing.FOREIGN:
            return None
        if self._known[key][1] is Standing.CLASSLESS:
            return Classless(gateway)
        admissions = admit_sets(gateway, self._index)
        sets = [each.listener_set for each in admissions if each.refusal is None]
        proxy = self._proxies.at(gateway)
        asked = AS_NOBODY_SAYS if isinstance(proxy, Fault) else proxy
        shown = _client_certificate(gateway, self._index)
        is_merged = self._proxies.merges(gateway)
        older = self._older(gateway) if is_merged else NO_SIBLINGS
        known = before.listeners if before is not None else ()
        listeners = judge_listeners(gateway, sets, self._index, before=known, older=older.listeners)
        verdict = GatewayVerdict(
            gateway=gateway,
            addresses=self._addresses.judge(gateway),
            listeners=listeners,
            admissions=admissions,
            parameters_fault=proxy if isinstance(proxy, Fault) else older.fault,
            closed=closed_hostnames(listeners),
            client_certificate=shown if isinstance(shown, ApiObject) else None,
            certificate_fault=shown if isinstance(shown, Fault) else None,
            proxy=asked,
            served_as=names.merged_name(gateway.content.gateway_class_name) if is_merged else "",
        )
        kept = self.ours[key] = keep_equal(before, verdict)
        return kept


def _queries(gateway: Gateway, index: ObjectIndex) -> Iterator[Query]:
    """Yield everything that is asked to decide about a Gateway, itself aside."""
    yield AnyOf(GATEWAY_CLASS.id)
    yield GATEWAY_CLASS.key("", gateway.content.gateway_class_name)
    yield from set_queries(gateway, index)
    owners: tuple[ListenerOwner, ...] = (gateway, *index.listener_sets(gateway.key))
    named = ((owner.key, target) for owner in owners for target in _certificates(owner))
    of_gateway = ((gateway.key, target) for target in _of_tls(gateway))
    for origin, target in (*named, *of_gateway):
        yield target
        if target.namespace != origin.namespace:
            yield GrantsIn(target.namespace)


def _certificates(owner: ListenerOwner) -> Iterator[ObjectKey]:
    """Yield everything that listeners name for certificates in the object that they stand in."""
    for listener in owner.content.listeners:
        for ref in listener.tls.certificate_refs if listener.tls is not None else ():
            yield secret_target(owner.key, ref)


def _of_tls(gateway: Gateway) -> Iterator[ObjectKey]:
    """Yield everything that a Gateway as a whole names for certificates, its own and others'."""
    shown = gateway.content.tls.backend.client_certificate_ref
    if shown is not None:
        yield secret_target(gateway.key, shown)
    yield from trust_references(gateway)


def _client_certificate(gateway: Gateway, index: ObjectIndex) -> ApiObject[SecretBody] | Fault | None:
    ref = gateway.content.tls.backend.client_certificate_ref
    if ref is None:
        return None
    path = ("spec", "tls", "backend", "clientCertificateRef")
    return resolve_certificate(gateway, ref, path, index, Reason.INVALID_CLIENT_CERTIFICATE_REF)
