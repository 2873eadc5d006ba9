"""Rules of a route, of whatever kind → Envoy routes, for each match and hostname. Pure.

What all kinds share is here: names, metadata, where the traffic goes, filters, what hooks get to see. A kind adds a
`RouteWriter`: its matches, and what is particular to sending its requests on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from envoy.config.route.v3 import route_components_pb2 as envoy

from egxds import names
from egxds.model.api.routes import RouteRule
from egxds.model.resolve.backend_traffic import BackendTraffic, of_backends
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.model.resolve.match_order import PathRank, Rank
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.resolved import AttachedRoute, ResolvedRoute, ResolvedRule
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.rule_traffic import traffic_of_rule
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.error_virtual_host import DENIED_STATUS
from egxds.resources.route_configuration import Route
from egxds.translate.backend_traffic.retries import NO_RETRIES, asked_retries
from egxds.translate.backend_traffic.routes import write_asked
from egxds.translate.backends.destinations import destination_of
from egxds.translate.http_filters.table import configs_of_rule, configs_of_traffic, disabled_filters
from egxds.translate.metadata import belonging, extension_resources, named_objects, origin_metadata, origin_of
from egxds.translate.routes.cookies import with_cookies
from egxds.translate.routes.filter_context import FilterContext
from egxds.translate.routes.filters import write_filters
from egxds.translate.routes.forwarding import copy_requests, part_of, share_out
from egxds.translate.routes.matches import Match
from egxds.translate.routes.precedence import Place, PlacedRoute, PlacedRoutes
from egxds.translate.routes.served_at import ServedAt
from egxds.translate.routes.splitting import REFUSED, RoutePart, parts_of

_LAST = Rank(PathRank.REST, 0, any_method=True, fewer_headers=0)


@dataclass(frozen=True, slots=True)
class RouteWriter:
    """What one kind of route adds to the writing of its rules.

    Attributes:
        matches: yields the matches of a rule of the kind, of which others may be written in their place; of a rule
            without any the one that takes all that the kind takes.
        forward: writes what is particular to sending its requests on, timeouts for one.
        refused_status: HTTP status for a rule that has nothing to send to, or that is refused.
        not_found_code: of `RouteAction.ClusterNotFoundResponseCode`, the same for the share of refused backends.
    """

    matches: Callable[[Any, Any], Iterator[Match]]
    forward: Callable[[envoy.RouteAction, Any], None]
    refused_status: int
    not_found_code: int


def write_route(
    attached: AttachedRoute,
    hostnames: tuple[str, ...],
    served_at: ServedAt,
    to_backends: BackendTraffic,
    writer: RouteWriter,
) -> tuple[PlacedRoutes, ...]:
    """Write the Envoy routes of a route: one per rule, match and hostname, or one for each backend of these.

    Args:
        attached: the route, at the listener.
        hostnames: domains of the virtual hosts it goes to.
        served_at: the listener.
        to_backends: what is asked there of the traffic of rules that have no policy of their own for that.
        writer: of its kind.

    Returns:
        For each hostname, in order, the routes for its virtual host.
    """
    route = attached.route
    at_hostnames: tuple[list[PlacedRoute], ...] = tuple([] for _ in hostnames)
    age, positions = precedence(route.route), count()
    for rule in route.rules:
        writing = _RuleWriting(attached, rule, served_at, traffic_of_rule(rule, attached, to_backends), writer)
        for match in with_cookies(writer.matches(writing.spec.matches, rule.covered), rule.cookies):
            for part in writing.parts:
                place = Place(match.rank, age, next(positions))
                for hostname, found in zip(hostnames, at_hostnames, strict=True):
                    found.append(PlacedRoute(place, writing.route(match, hostname, part)))
    if route.is_dropped and all(rule.covered for rule in route.rules):
        first = _RuleWriting(attached, route.rules[0], served_at, to_backends, writer)
        for hostname, found in zip(hostnames, at_hostnames, strict=True):
            found.append(PlacedRoute(Place(_LAST, age, next(positions)), first.rest(hostname)))
    return tuple(map(tuple, at_hostnames))


class _RuleWriting:
    """Writes the routes of one rule; what all of them share is worked out once.

    Attributes:
        spec: the rule as the user wrote it.
        parts: the routes of each match.
    """

    def __init__(
        self,
        attached: AttachedRoute,
        rule: ResolvedRule,
        served_at: ServedAt,
        to_backends: BackendTraffic,
        writer: RouteWriter,
    ) -> None:
        route, in_force = attached.route, attached.merged.get(rule.index, rule.in_force)
        key = route.route.key
        self.spec: RouteRule = route.route.content.rules[rule.index]
        self._writer = writer
        self._served_at = served_at
        self._key = key
        self._name = ROUTE_KINDS[key.group_kind].rule_name(key, rule.index)
        self._is_refused = bool(rule.refusal)
        self._answers_itself = rule.is_answering or self.spec.answers_itself
        self._objects = {each.key.name: each for each in rule.all_route_filters}
        self._is_closed = is_closed = rule.is_closed or any(each.faults for each in in_force)
        gateway = served_at.gateway
        self._asked = to_backends.of_routes
        self._filter_configs = (
            disabled_filters(gateway)
            if is_closed
            else {**configs_of_rule(in_force, gateway), **configs_of_traffic(self._asked, gateway)}
        )
        self.parts = parts_of(self.spec, destination_of(route, rule, to_backends.apart, to_backends.zones))
        # One of its own replaces what stands at the virtual host, whatever that is.
        self._own_retries = asked_retries(to_backends) or NO_RETRIES if of_backends(in_force) is not None else None
        self._metadata = origin_metadata(origin_of(route.route, self.spec.name or ""))
        self._sources = _sources(
            route, rule, in_force, to_backends.policies if self._asked or to_backends.apart else ()
        )
        # Of what is closed no hook decides: it is shown no object by which it would be asked.
        self._extensions = () if is_closed else extension_resources(named_objects(rule, rule.backends))
        self._policies = () if is_closed else extension_resources(rule.policies)
        self._belongs_to = belonging(route, rule)

    def route(self, match: Match, hostname: str, part: RoutePart) -> Route:
        """Return the route of one match and hostname for a part of the traffic, encoded."""
        message = self._message(match, hostname, part)
        return Route(
            message.name,
            encode(message),
            self._sources,
            self._extensions,
            (hostname,),
            self._policies,
            belongs_to=self._belongs_to,
        )

    def rest(self, hostname: str) -> Route:
        """Return the route of what is for the route object and for no match of it, which is closed like the rule."""
        (everything,) = self._writer.matches((), ())
        return self.route(everything, hostname, self.parts[0])

    def _message(self, match: Match, hostname: str, part: RoutePart) -> envoy.Route:
        name = names.route_name(self._name, match.index, hostname)
        if part.backend is not None:
            name = names.split_route_name(name, part.backend)
        message = envoy.Route(name=name, match=match.message, metadata=self._metadata)
        if part.up_to is not None:
            message.match.runtime_fraction.default_value.CopyFrom(part_of(*part.up_to))
        for filter_name, config in self._filter_configs.items():
            message.typed_per_filter_config[filter_name].CopyFrom(config)
        if self._is_closed:
            message.direct_response.status = DENIED_STATUS
            return message
        if part.shares and part.backend != REFUSED:
            self._forward(message, part)
        elif part.shares or self._is_refused or not self._answers_itself:
            message.direct_response.status = self._writer.refused_status
        named = {entry.extension_ref.name for entry in part.filters if entry.extension_ref is not None}
        objects = {name: found for name, found in self._objects.items() if name in named}
        write_filters(message, part.filters, FilterContext(match.prefix, hostname, self._served_at, objects))
        return message

    def _forward(self, message: envoy.Route, part: RoutePart) -> None:
        action = message.route
        share_out(action, part.shares, self._writer.not_found_code)
        copy_requests(action, part.copies)
        write_asked(message, self._asked, self._key)
        if self._own_retries is not None:
            action.retry_policy.CopyFrom(self._own_retries)
        self._writer.forward(action, self.spec)


def _sources(
    route: ResolvedRoute, rule: ResolvedRule, in_force: PoliciesInForce, to_backends: tuple[ObjectKey, ...]
) -> tuple[ObjectKey, ...]:
    concerned = (*named_objects(rule, rule.backends), *rule.policies)
    applied = (key for each in in_force for key in each.policies)
    filters = (each.key for each in rule.all_route_filters)
    found = {route.route.key, *(item.key for item in concerned), *applied, *filters, *to_backends}
    return tuple(sorted(found))
