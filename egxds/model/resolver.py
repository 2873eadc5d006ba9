"""From the objects in force to the Gateways that are served, and the status of all. Pure; remembers its work.

This module decides nothing itself: it asks the others in order and puts their answers together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from egxds.incremental.identity import are_same, keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.kinds import ExtensionKinds, KindTable
from egxds.model.api.object import ApiObject
from egxds.model.api.routes import RouteSpec
from egxds.model.resolve.addresses import AddressBook
from egxds.model.resolve.class_conflicts import SocketBook, losers
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.gateway_classes import Ownership, find_ours, unknown_parameters
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listeners import ListenerVerdict, judge_listeners
from egxds.model.resolve.policy_kinds import policy_kinds
from egxds.model.resolve.policy_targets import Attachments, PolicyBook, policies_on
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.resolved import (
    AttachedRoute,
    EndpointAddress,
    EndpointsKey,
    EndpointTable,
    Resolution,
    ResolvedGateway,
    ResolvedListener,
    Statuses,
)
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.route_references import ResolveContext
from egxds.model.resolve.routes import RouteMemo
from egxds.model.resolve.verdicts import GatewayVerdict, OurGateway, RouteVerdict
from egxds.model.status.decisions import Decisions
from egxds.model.status.policy import judge_policies
from egxds.model.status.problems import problems_of
from egxds.model.status.route import RouteStatuses
from egxds.model.store.state import GatewayState, Objects
from egxds.object_key import ObjectKey
from egxds.problems import Problem
from egxds.settings.daemon import Settings

_Taken = Mapping[tuple[ObjectKey, str], Mapping[ObjectKey, AttachedRoute]]
"""Gateway and listener name → the routes there."""

_NO_ROUTES: Revision[ObjectKey, AttachedRoute] = Revision()


@dataclass(frozen=True, slots=True)
class ResolverOptions:
    """What of the settings matters here.

    Attributes:
        controller_name: what a GatewayClass names to be ours.
        address_pool: networks that Gateways without spec.addresses get one address each from.
        extension_kinds: kinds that belong to extensions.
    """

    controller_name: str
    address_pool: tuple[str, ...] = ()
    extension_kinds: ExtensionKinds = field(default_factory=ExtensionKinds)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the options from the settings."""
        kinds = KindTable.of(settings.extensions).extension_kinds
        return cls(settings.controller_name, settings.addresses.pool, kinds)


@dataclass(frozen=True, slots=True)
class _Report:
    """What was decided, for people."""

    decisions: Decisions
    state: GatewayState

    def statuses(self) -> Statuses:
        return self.decisions.statuses()

    def problems(self) -> tuple[Problem, ...]:
        return problems_of(self.decisions, self.state)


class Resolver:
    """Resolves one state after another."""

    def __init__(self, options: ResolverOptions) -> None:
        """Start without memory.

        Args:
            options: taken from the settings.
        """
        self._controller_name = options.controller_name
        self._index = ObjectIndex()
        self._addresses = AddressBook(options.address_pool)
        self._sockets = SocketBook()
        self._policies = PolicyBook(self._index, policy_kinds(options.extension_kinds))
        context = ResolveContext(self._index, self._policies, options.extension_kinds)
        self._memo = RouteMemo(context)
        self._route_statuses = RouteStatuses(options.controller_name)
        self._routes: tuple[Objects[RouteSpec], ...] = ()
        self._in_order: tuple[ApiObject[RouteSpec], ...] = ()
        self._gateways: Revision[ObjectKey, ResolvedGateway] = Revision()
        self._endpoints: EndpointTable = Revision()

    @property
    def routes_followed(self) -> int:
        """How many times the references of a route were followed since the start."""
        return self._memo.routes_followed

    def resolve(self, state: GatewayState) -> Resolution:
        """Resolve a state.

        Args:
            state: the objects in force.

        Returns:
            The Gateways that are ours, and the status of everything that has one. A route of which nothing
            changed is the same object as in the resolution before, and so is a Gateway.
        """
        self._index.update(state)
        self._policies.update()
        ours = find_ours(state, self._controller_name)
        verdicts = self._judge_gateways(ours)
        routes = self._judge_routes(state, verdicts)
        taken = _taken(routes)
        self._endpoints = self._endpoints.renewed(_endpoints(routes, self._endpoints))
        resolved = {key: self._resolved(verdict, taken) for key, verdict in verdicts.items()}
        self._gateways = self._gateways.renewed(resolved)
        # Behind the listeners: what is refused binds nothing, and takes no port from anybody.
        conflicts = self._sockets.settle(self._gateways.values())
        policies = judge_policies(self._policies, verdicts, routes, state, self._controller_name)
        decisions = Decisions(ours, verdicts, routes, conflicts, policies, self._route_statuses)
        return Resolution(
            gateways=self._gateways,
            endpoints=self._endpoints,
            class_conflicts=losers(conflicts),
            report=_Report(decisions, state),
        )

    def _judge_gateways(self, ours: Ownership) -> dict[ObjectKey, GatewayVerdict]:
        addresses = self._addresses.assign(ours.gateways)
        return {
            gateway.key: GatewayVerdict(
                gateway,
                addresses[gateway.key],
                judge_listeners(gateway, self._index),
                _parameters_fault(gateway),
            )
            for gateway in ours.gateways
        }

    def _judge_routes(
        self, state: GatewayState, verdicts: Mapping[ObjectKey, GatewayVerdict]
    ) -> tuple[RouteVerdict, ...]:
        routes = tuple(state.of(row.kind) for row in ROUTE_KINDS.values())
        if not are_same(self._routes, routes):
            self._routes = routes
            self._in_order = tuple(sorted((route for group in routes for route in group.values()), key=precedence))
            keys = frozenset(route.key for route in self._in_order)
            self._memo.forget_except(keys)
            self._route_statuses.forget_except(keys)
        ours = {key: OurGateway(verdict.gateway, verdict.listeners) for key, verdict in verdicts.items()}
        return tuple(self._memo.judge(route, ours) for route in self._in_order)

    def _resolved(self, verdict: GatewayVerdict, taken: _Taken) -> ResolvedGateway:
        """Put a Gateway together; the one before where nothing of it changed."""
        gateway = verdict.gateway
        attachments = self._policies.on(gateway.key)
        before = self._gateways.get(gateway.key)
        known = {listener.name: listener.routes for listener in before.listeners} if before else {}
        resolved = ResolvedGateway(
            gateway=gateway,
            class_name=gateway.content.gateway_class_name,
            addresses=verdict.addresses.addresses,
            listeners=tuple(
                _resolved_listener(
                    entry,
                    known.get(entry.listener.name, _NO_ROUTES).renewed(
                        taken.get((gateway.key, entry.listener.name), {})
                    ),
                    attachments,
                )
                for entry in verdict.served
            ),
            policies=policies_on(attachments, {listener.name for listener in gateway.content.listeners}),
        )
        return before if before == resolved else resolved


def _resolved_listener(
    entry: ListenerVerdict,
    routes: Revision[ObjectKey, AttachedRoute],
    attachments: Attachments,
) -> ResolvedListener:
    return ResolvedListener(
        name=entry.listener.name,
        port=entry.listener.port,
        protocol="HTTPS" if entry.listener.protocol_name == "HTTPS" else "HTTP",
        hostname=entry.hostname,
        certificates=entry.certificates,
        routes=routes,
        policies=policies_on(attachments, (entry.listener.name,)),
    )


def _endpoints(
    routes: tuple[RouteVerdict, ...], before: EndpointTable
) -> dict[EndpointsKey, tuple[EndpointAddress, ...]]:
    found = (item for verdict in routes for item in verdict.followed.endpoints.items())
    return {key: keep_equal(before.get(key), addresses) for key, addresses in found}


def _taken(routes: tuple[RouteVerdict, ...]) -> _Taken:
    taken: dict[tuple[ObjectKey, str], dict[ObjectKey, AttachedRoute]] = defaultdict(dict)
    for verdict in routes:
        for place, attached in verdict.attached.items():
            taken[place][verdict.route.key] = attached
    return taken


def _parameters_fault(gateway: ApiObject[GatewaySpec]) -> Fault | None:
    ref = gateway.content.infrastructure.parameters_ref
    if ref is None:
        return None
    return unknown_parameters(ref.group, ref.kind, ref.name, ("spec", "infrastructure", "parametersRef"))
