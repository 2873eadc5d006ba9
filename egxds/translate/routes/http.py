"""An HTTPRoute at the hostnames it is served under → Envoy routes. Pure."""

from __future__ import annotations

from envoy.config.route.v3 import route_components_pb2 as envoy

from egxds import names
from egxds.model.api.http_route import HttpRouteMatch, HttpRouteRule, redirect_of
from egxds.model.resolve.resolved import ResolvedRoute, ResolvedRule
from egxds.problems import Location
from egxds.resources.encoding import encode
from egxds.resources.resource import Route
from egxds.translate.backends.destinations import destination_of
from egxds.translate.metadata import extension_resources, named_objects, origin_metadata, origin_of
from egxds.translate.routes.forwarding import write_forwarding
from egxds.translate.routes.headers import change_headers
from egxds.translate.routes.matches import route_match
from egxds.translate.routes.precedence import RankedRoute, RankedRoutes, rank
from egxds.translate.routes.redirects import ServedAt, write_redirect

_NO_MATCHES = -1
_REFUSED_STATUS = 500


def translate_route(route: ResolvedRoute, hostnames: tuple[str, ...], served_at: ServedAt) -> tuple[RankedRoutes, ...]:
    """Write the Envoy routes of an HTTPRoute, one per rule, match and hostname.

    Args:
        route: the HTTPRoute.
        hostnames: domains of the virtual hosts it goes to.
        served_at: the listener.

    Returns:
        For each hostname, in order, the routes for its virtual host.
    """
    at_hostnames: tuple[list[RankedRoute], ...] = tuple([] for _ in hostnames)
    for rule in route.rules:
        writer = _RuleWriter(route, rule, served_at)
        for index, match in _numbered(writer.spec.matches):
            message = writer.message(match)
            for hostname, found in zip(hostnames, at_hostnames, strict=True):
                found.append(RankedRoute(rank(match), writer.named(message, index, hostname)))
    return tuple(map(tuple, at_hostnames))


def _numbered(matches: tuple[HttpRouteMatch, ...]) -> list[tuple[int, HttpRouteMatch]]:
    return list(enumerate(matches)) or [(_NO_MATCHES, HttpRouteMatch())]


class _RuleWriter:
    """Writes the routes of one rule; what all of them share is worked out once."""

    def __init__(self, route: ResolvedRoute, rule: ResolvedRule, served_at: ServedAt) -> None:
        self.spec: HttpRouteRule = route.route.content.rules[rule.index]
        self._served_at = served_at
        self._name = names.rule_name(route.route.key.namespace, route.route.key.name, rule.index)
        self._redirect = None if rule.refusal else redirect_of(self.spec)
        self._shares = destination_of(route, rule).shares
        self._metadata = origin_metadata(origin_of(route.route, self.spec.name or ""))
        self._sources = _sources(route, rule)
        self._extensions = extension_resources(named_objects(rule, rule.backends))
        self._policies = extension_resources(rule.policies)

    def message(self, match: HttpRouteMatch) -> envoy.Route:
        """Return the route of one match, not yet named."""
        message = envoy.Route(match=route_match(match), metadata=self._metadata)
        change_headers(message, self.spec)
        if self._redirect is not None:
            write_redirect(message.redirect, self._redirect, match.path.value, self._served_at)
        elif self._shares:
            write_forwarding(message.route, self.spec, self._shares, match.path.value)
        else:
            message.direct_response.status = _REFUSED_STATUS
        return message

    def named(self, message: envoy.Route, match: int, hostname: str) -> Route:
        """Return the route of one match and hostname, encoded."""
        message.name = names.route_name(self._name, match, hostname)
        return Route(message.name, encode(message), self._sources, self._extensions, (hostname,), self._policies)


def _sources(route: ResolvedRoute, rule: ResolvedRule) -> tuple[Location, ...]:
    concerned = (*named_objects(rule, rule.backends), *rule.policies)
    return tuple(sorted({route.route.location, *(item.location for item in concerned)}))
