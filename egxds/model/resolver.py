"""From the objects in force to the Gateways that are served, and the status of all. Pure; remembers its work.

This module decides nothing itself: it asks the others in order and puts their answers together. What changed runs
through them as questions that have another answer (`dependents`), and each decides again what had asked:

    changed objects → index → questions
        endpoints    backends of which the addresses changed             → table; questions about their shape
        policies     what they are about                                 → objects on which others are in force
        encryption   policies for TLS to backends, what they name        → backends that are spoken to otherwise
        effective    policies that are applied to requests, what they    → objects whose requests are treated otherwise
                     name
        gateways     those that changed, their class, certificates,
                     ListenerSets, EnvoyProxies, …                       → those that routes see otherwise, and sets
        routes       those that changed, or what they refer to,
                     or their parents                                    → listeners of which the routes are others
        assembly     Gateways decided anew, with other routes, policies  → Gateways
        sockets      addresses and ports of those                        → who loses what within a class
        report       all about which anything is decided otherwise       → what people are told, when they ask

Endpoints come before routes, which hold the shape of their endpoints; policies before routes and Gateways, which hold
their policies; Gateways before routes, which attach to their listeners.

An edit costs what it changes and who had asked for that. Of what there is, the interpreter copies a dict for each
revision that an edit changes (routes of a listener, Gateways, endpoints, judgements) and the names of a Gateway's
listeners, and no loop of Python goes over more than these: the listeners and routes of a Gateway where what it or one
of its ListenerSets says changes; the Gateways of a class where that changes, all
where the first class comes or the last one goes; the objects of the kinds that a policy selects from where what it
selects changes, or where it looks across namespaces and one of those has other labels or grants; the Gateways that
claim one address and port where that gets another owner.

A state follows the one before, or is compared with it as a whole. Where a resolution fails half-way, what is
remembered may be of two states: the next one starts from nothing, but for the addresses and ports that are given out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.backends import BACKEND
from egxds.model.api.gateway import GATEWAY_CLASS
from egxds.model.api.kinds import ExtensionKinds, KindTable
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.resolve.addresses import AddressBook
from egxds.model.resolve.assembly import resolved_gateway, with_routes
from egxds.model.resolve.backend_tls import BackendTlsBook
from egxds.model.resolve.backends import judge_backend
from egxds.model.resolve.class_conflicts import Socket, SocketBook
from egxds.model.resolve.client_traffic import TrafficBook
from egxds.model.resolve.closed_addresses import ClosedAddresses
from egxds.model.resolve.dependents import Changed
from egxds.model.resolve.effective_policies import EffectivePolicies
from egxds.model.resolve.endpoints import EndpointBook
from egxds.model.resolve.gateway_classes import ClassBook, ClassVerdict
from egxds.model.resolve.gateways import GatewayBook, GatewayEdit
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_denials import listener_denials
from egxds.model.resolve.listener_policies import listener_policies, policy_denials
from egxds.model.resolve.listener_protocols import ListenerProtocol
from egxds.model.resolve.listener_sets import stray_set
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.merged_gateways import MergedGateways
from egxds.model.resolve.parameters import class_target, gateway_target
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_kinds import TARGETS_BESIDE, policy_kinds
from egxds.model.resolve.proxies.book import ProxyBook
from egxds.model.resolve.proxies.process import BootstrapCheck, takes_every_bootstrap
from egxds.model.resolve.reached_backends import ReachedBackends
from egxds.model.resolve.resolved import Resolution, ResolvedGateway
from egxds.model.resolve.routes import AttachedRoutes, RouteBook
from egxds.model.resolve.rule_references import ResolveContext
from egxds.model.resolve.verdicts import GatewayVerdict, Place
from egxds.model.status.gateway import JudgedGateway
from egxds.model.status.listener_set import JudgedListenerSet
from egxds.model.status.listeners import JudgedListeners, conflicts_at
from egxds.model.status.policy_verdicts import PolicyVerdicts
from egxds.model.status.report import DecidedReport
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey, of_kinds
from egxds.settings.backends import BackendSettings
from egxds.settings.client_traffic import AS_BY_DEFAULT, ClientTrafficSettings
from egxds.settings.daemon import AdminSettings, Settings, XdsSettings
from egxds.settings.extension_apis import Patching

ValueT = TypeVar("ValueT")

_AttachedRoutes = Mapping[ObjectKey, Mapping[str, AttachedRoutes]]
"""Gateway → listener → its routes."""


def _closed_by_default() -> ClosedAddresses:
    return ClosedAddresses.of(XdsSettings().address, AdminSettings().address, BackendSettings())


@dataclass(frozen=True, slots=True)
class ResolverOptions:
    """What of the settings matters here.

    Attributes:
        controller_name: what a GatewayClass names to be ours.
        address_pool: networks that Gateways without spec.addresses get one address each from.
        extension_kinds: kinds that belong to extensions.
        traffic: how requests are taken; decides what people are warned of.
        closed: addresses that no backend may have.
        patching: what becomes of policies that patch.
        bootstrap_fault: says why an Envoy would not be served by a bootstrap.
    """

    controller_name: str
    address_pool: tuple[str, ...] = ()
    extension_kinds: ExtensionKinds = field(default_factory=ExtensionKinds)
    traffic: ClientTrafficSettings = AS_BY_DEFAULT
    closed: ClosedAddresses = field(default_factory=_closed_by_default)
    patching: Patching = Patching.UNSAID
    bootstrap_fault: BootstrapCheck = takes_every_bootstrap

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the options from the settings."""
        kinds = KindTable.of(settings.extensions).extension_kinds
        asked = (envoy.admin for envoy in settings.envoys)
        closed = ClosedAddresses.of(settings.xds.address, settings.admin.address, settings.backends, asked)
        patching, pool = settings.extension_apis.patching, settings.addresses.pool
        return cls(settings.controller_name, pool, kinds, settings.client_traffic, closed, patching)


@dataclass(frozen=True, slots=True)
class Owners:
    """Who has what until they need it no more: the one part of a resolution that is not in the objects.

    Attributes:
        addresses: Gateway → what it has from the pool.
        sockets: class, address and port → the Gateway that has it.
    """

    addresses: Mapping[ObjectKey, str] = field(default_factory=dict)
    sockets: Mapping[Socket, ObjectKey] = field(default_factory=dict)

    def among(self, gateways: Container[ObjectKey]) -> Owners:
        """Return what some Gateways have of it."""
        addresses = {key: address for key, address in self.addresses.items() if key in gateways}
        return Owners(addresses, {socket: key for socket, key in self.sockets.items() if key in gateways})


class Resolver:
    """Resolves one state after another."""

    def __init__(self, options: ResolverOptions, owners: Owners | None = None) -> None:
        """Start without memory.

        Args:
            options: taken from the settings.
            owners: who has what from before; nobody has anything where it is not given.
        """
        self._options = options
        self._owners = owners or Owners()
        self._resolving: _Resolving | None = None

    @property
    def routes_followed(self) -> int:
        """How many times the references of a route were followed since the start from nothing."""
        return self._resolving.routes.routes_followed if self._resolving is not None else 0

    @property
    def owners(self) -> Owners:
        """Who has what now, for a resolver that is to come to the same."""
        return Owners(dict(self._owners.addresses), dict(self._owners.sockets))

    def following(self, options: ResolverOptions) -> Resolver:
        """Return one that goes by other options, and starts without memory; who has what keeps it where it may."""
        return Resolver(options, self.owners)

    def resolve(self, state: GatewayState) -> Resolution:
        """Resolve a state.

        Args:
            state: the objects in force.

        Returns:
            The Gateways that are ours, and the status of everything that has one. A route of which nothing
            changed is the same object as in the resolution before, and so is a Gateway.
        """
        resolving = self._resolving or _Resolving(self._options, self._owners)
        # Until it is through: what is left of one that failed is of two states.
        self._resolving = None
        resolution = resolving.resolve(state)
        self._resolving, self._owners = resolving, resolving.owners
        return resolution


class _Resolving:
    """All that is remembered from one state to the next.

    Attributes:
        routes: what is decided about them.
    """

    def __init__(self, options: ResolverOptions, owners: Owners) -> None:
        name, kinds = options.controller_name, options.extension_kinds
        self._controller_name = name
        self._traffic = options.traffic
        self._index = ObjectIndex()
        self._closed = options.closed
        self._endpoints = EndpointBook(self._index, options.closed)
        self._policies = PolicyBook(self._index, policy_kinds(kinds, options.patching))
        self._addresses = AddressBook(options.address_pool, owners.addresses)
        self._sockets = SocketBook(owners.sockets)
        self._classes = ClassBook(self._index, name)
        self._encryption = BackendTlsBook(self._index, self._policies)
        reached = ReachedBackends(self._index, self._encryption, options.closed)
        self._proxies = ProxyBook(self._index, reached, options.bootstrap_fault)
        self._gateways = GatewayBook(self._index, self._addresses, self._proxies, name)
        self._effective = EffectivePolicies(self._index, self._policies, reached)
        self._traffic_book = TrafficBook(self._policies, self._effective)
        context = ResolveContext(self._index, self._endpoints, self._policies, self._encryption, self._effective, kinds)
        self.routes = RouteBook(context, self._gateways.parents)
        self._verdicts = PolicyVerdicts(
            self._index,
            self._policies,
            self._encryption,
            self._traffic_book,
            self._gateways,
            self.routes,
        )
        self._merged = MergedGateways(self._gateways.served_listeners)
        self._resolved: Revision[ObjectKey, ResolvedGateway] = Revision()
        self._judged: Revision[ObjectKey, object] = Revision()

    @property
    def owners(self) -> Owners:
        """Who has what now; goes on with what is remembered."""
        return Owners(self._addresses.given, self._sockets.owners)

    def resolve(self, state: GatewayState) -> Resolution:
        """Judge what read something that changed since the last state; where it raises, start over with another one."""
        changed = self._index.update(state, state.changes_since(self._index.state))
        shapes = self._endpoints.refresh(changed.queries)
        policies = self._policies.update(changed)
        encrypted = self._encryption.update(changed, policies)
        gateways = self._gateways.update(changed, encrypted)
        classes = self._classes.update(changed)
        concerned = policies.objects | self._effective.update(changed, policies, encrypted)
        routes = self.routes.update(changed, shapes, concerned | encrypted, gateways.parents)
        of_classes = self._gateways.of_classes(of_kinds(policies.objects, [GATEWAY_CLASS.id]))
        parents = self._gateways.parents
        covered = of_classes | {parents[key].gateway for key in concerned & parents.keys()}
        anew = gateways.judged.keys() | covered
        taken = self._traffic_book.update((key, self._gateways.ours.get(key)) for key in anew)
        lost = self._assemble(anew)
        attached = self._routes_at(place for place in routes.places if place[0] not in anew)
        self._attach(attached)
        seen = gateways.parents | routes.judged.keys() | changed.of(TARGETS_BESIDE) | routes.backends | encrypted
        seen |= concerned | taken
        verdicts = self._verdicts.update(policies, seen)
        judged: dict[ObjectKey, object] = {**classes, **self._judge_proxies(changed, encrypted, classes, gateways)}
        judged |= self._judge_stray_sets(changed.of([LISTENER_SET.id]), gateways.judged)
        judged |= self._count_routes(attached)
        judged |= self._judge_gateways(anew | lost, gateways)
        judged |= self._judge_backends(changed.of([BACKEND.id]) | of_kinds(encrypted, [BACKEND.id]))
        self._judged = _edited(self._judged, {**judged, **routes.judged, **verdicts})
        return Resolution(
            gateways=self._resolved,
            endpoints=self._endpoints.publish(),
            class_conflicts=self._sockets.lost,
            report=DecidedReport(self._judged, state, self._controller_name, self._traffic),
        )

    def _assemble(self, keys: Iterable[ObjectKey]) -> AbstractSet[ObjectKey]:
        """Put Gateways together again, and return those that lose others of their sockets than before."""
        resolved = {key: self._resolved_gateway(key) for key in sorted(keys)}
        self._resolved = _edited(self._resolved, {**resolved, **self._merged.update(resolved)})
        # Behind the listeners: what is refused binds nothing, and takes no port from anybody. What is served as one
        # counts, too, though nobody is told: before it is, and once it is no more, an Envoy of the class has it apart.
        return self._sockets.update(resolved)

    def _resolved_gateway(self, key: ObjectKey) -> ResolvedGateway | None:
        verdict = self._gateways.ours.get(key)
        if verdict is None:
            return None
        return resolved_gateway(verdict, self.routes, self._policies, self._effective, self._traffic_book.of(key))

    def _routes_at(self, places: Iterable[Place]) -> _AttachedRoutes:
        found: defaultdict[ObjectKey, dict[str, AttachedRoutes]] = defaultdict(dict)
        for gateway, listener in places:
            found[gateway][listener] = self.routes.at(gateway, listener)
        return found

    def _attach(self, attached: _AttachedRoutes) -> None:
        """Hand on the routes of some listeners, of Gateways that are the same otherwise."""
        resolved = {gateway: with_routes(self._resolved[gateway], routes) for gateway, routes in attached.items()}
        self._resolved = _edited(self._resolved, {**resolved, **self._merged.update(resolved)})

    def _count_routes(self, attached: _AttachedRoutes) -> dict[ObjectKey, object]:
        """Decide what people are told about how many routes some listeners have, of what is the same otherwise."""
        judged: dict[ObjectKey, object] = {}
        for gateway, routes in attached.items():
            owners = self._gateways.ours[gateway].owners
            for listener, found in routes.items():
                owner = owners[listener]
                before = judged.get(owner, self._judged.get(owner))
                if isinstance(before, JudgedGateway | JudgedListenerSet):
                    judged[owner] = replace(before, listeners=before.listeners.with_attached(listener, len(found)))
        return judged

    def _judge_proxies(
        self,
        changed: Changed,
        encrypted: AbstractSet[ObjectKey],
        classes: Mapping[ObjectKey, ClassVerdict | None],
        edit: GatewayEdit,
    ) -> Mapping[ObjectKey, object]:
        """Decide what people are told about EnvoyProxies, some of which are named by others than before."""
        named = {key: class_target(found.item) if found is not None else None for key, found in classes.items()}
        ours = ((key, self._gateways.ours.get(key)) for key in edit.judged)
        named |= {key: gateway_target(found.gateway) if found is not None else None for key, found in ours}
        return self._proxies.update(changed, encrypted, named)

    def _judge_backends(self, keys: Iterable[ObjectKey]) -> dict[ObjectKey, object]:
        backends = self._index.state.of(BACKEND)
        there = {key: backends.get(key) for key in keys}
        return {
            key: judge_backend(item, self._closed, self._encryption) if item is not None else None
            for key, item in there.items()
        }

    def _judge_gateways(self, keys: Iterable[ObjectKey], edit: GatewayEdit) -> dict[ObjectKey, object]:
        """Decide what people are told about Gateways, and about the ListenerSets that name them."""
        judged: dict[ObjectKey, object] = {}
        for key in keys:
            verdict = self._gateways.ours.get(key)
            judged |= self._judged_gateway(verdict) if verdict is not None else {key: edit.judged.get(key)}
        return judged

    def _judged_gateway(self, verdict: GatewayVerdict) -> dict[ObjectKey, object]:
        denials = self._denials(verdict)
        sets = {
            found.admission.listener_set.key: JudgedListenerSet(
                found.admission, verdict.refusal, self._judged_listeners(verdict, found.listeners, denials)
            )
            for found in verdict.sets
        }
        attached = sum(each.is_accepted for each in sets.values())
        judged = JudgedGateway(verdict, self._judged_listeners(verdict, verdict.own, denials), attached)
        return {verdict.gateway.key: judged, **sets}

    def _denials(self, verdict: GatewayVerdict) -> Mapping[str, tuple[str, ...]]:
        """Say why listeners are denied to everybody, or to all whom no policy of a route is for, by name."""
        closed = listener_denials(verdict, self._policies)
        denied = policy_denials(verdict, listener_policies(verdict, self._effective))
        traffic = self._traffic_book.of(verdict.gateway.key)
        protocols = {entry.name: entry.protocol for entry in verdict.listeners}
        taken = {name: each.denials(_denied(protocols[name])) for name, each in traffic.items() if each.faults}
        found = (closed, denied, taken)
        return {name: tuple(why for each in found for why in each.get(name, ())) for name in set().union(*found)}

    def _judged_listeners(
        self,
        verdict: GatewayVerdict,
        listeners: tuple[ListenerVerdict, ...],
        denials: Mapping[str, tuple[str, ...]],
    ) -> JudgedListeners:
        key = verdict.gateway.key
        return JudgedListeners(
            verdicts=listeners,
            is_gateway_served=verdict.serves,
            attached={entry.name: len(self.routes.at(key, entry.name)) for entry in listeners},
            conflicts=() if verdict.served_as else conflicts_at(listeners, self._sockets.conflicts(key)),
            denials={entry.name: denials[entry.name] for entry in listeners if entry.name in denials},
        )

    def _judge_stray_sets(self, changed: Iterable[ObjectKey], gateways: Iterable[ObjectKey]) -> dict[ObjectKey, object]:
        """Decide what people are told about ListenerSets as far as they name no Gateway of ours.

        Args:
            changed: ListenerSets that changed, came or went.
            gateways: Gateways that did, or became ours, or are it no more.
        """
        sets = self._index.state.of(LISTENER_SET)
        named = (each.key for key in gateways for each in self._index.listener_sets(key))
        return {key: stray_set(sets[key], self._index) if key in sets else None for key in (*changed, *named)}


def _denied(protocol: ListenerProtocol | None) -> str:
    return protocol.denied if protocol is not None else "is closed"


def _edited(
    before: Revision[ObjectKey, ValueT], edits: Mapping[ObjectKey, ValueT | None]
) -> Revision[ObjectKey, ValueT]:
    """Return a revision with other values, and without those that are None; what is equal stays as it is."""
    put = {key: keep_equal(before.get(key), value) for key, value in edits.items() if value is not None}
    return before.edited(put, (key for key, value in edits.items() if value is None))
