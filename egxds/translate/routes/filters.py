"""Filters of a rule → Envoy's route: a row for each type, whatever kind of route has it. Pure.

A filter must never be skipped (Gateway API, HTTPRouteFilter.type): a type that has no row here cannot be written, and
`write_filters` fails loudly rather than to pass it over; what users may write is limited before, where it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from envoy.config.route.v3.route_components_pb2 import Route

from egxds.model.api.cors import HttpCorsFilter
from egxds.model.api.filters import HttpHeaderFilter, RouteFilter
from egxds.model.api.http_filters import HttpRequestRedirect, HttpUrlRewrite
from egxds.model.api.http_route_filter import names_filter_object
from egxds.model.api.mirrors import RequestMirror
from egxds.model.api.references import LocalObjectReference
from egxds.resources.encoding import pack
from egxds.translate.cors import CORS_FILTER, cors_policy
from egxds.translate.routes.filter_context import FilterContext
from egxds.translate.routes.headers import change_request_headers, change_response_headers
from egxds.translate.routes.paths import rewrite_path
from egxds.translate.routes.redirects import write_redirect
from egxds.translate.routes.route_filters import write_route_filter


def write_filters(route: Route, filters: Iterable[RouteFilter], context: FilterContext) -> None:
    """Write the filters of a rule into its Envoy route, whose action is written already.

    Raises:
        KeyError: a filter is of a type that has no row.
    """
    for item in filters:
        FILTERS[item.type](route, item.content, context)


def _request_headers(route: Route, change: HttpHeaderFilter, _context: FilterContext) -> None:
    change_request_headers(route, change)


def _response_headers(route: Route, change: HttpHeaderFilter, _context: FilterContext) -> None:
    change_response_headers(route, change)


def _redirect(route: Route, redirect: HttpRequestRedirect, context: FilterContext) -> None:
    """Answer with a redirect, unless the rule is refused and answers so."""
    if not route.HasField("direct_response"):
        write_redirect(route, redirect, context)


def _rewrite(route: Route, rewrite: HttpUrlRewrite, context: FilterContext) -> None:
    """Change host and path of what goes to a backend; a rule that sends nothing there has nothing to change."""
    if not route.HasField("route"):
        return
    if rewrite.hostname is not None:
        route.route.host_rewrite_literal = rewrite.hostname
        route.route.append_x_forwarded_host = context.tells_host
    if rewrite.path is not None:
        rewrite_path(route.route, rewrite.path, context.matched_prefix)


def _cors(route: Route, cors: HttpCorsFilter, _context: FilterContext) -> None:
    """Write who may read the answers of a backend, whatever a policy says; of a rule without one there are none."""
    route.typed_per_filter_config[CORS_FILTER].CopyFrom(pack(cors_policy(cors)))


def _object(route: Route, ref: LocalObjectReference, context: FilterContext) -> None:
    """Write what an HTTPRouteFilter says; an object of an extension's kind the Route hook gets.

    A rule whose object is missing is refused.
    """
    found = context.objects.get(ref.name) if names_filter_object(ref) else None
    if found is not None:
        write_route_filter(route, found, context)


def _left_to_destination(_route: Route, _mirror: RequestMirror, _context: FilterContext) -> None:
    """Write nothing: where the copies go is written with where the requests go."""


FILTERS: Mapping[str, Callable[[Route, Any, FilterContext], None]] = {
    "RequestHeaderModifier": _request_headers,
    "ResponseHeaderModifier": _response_headers,
    "RequestRedirect": _redirect,
    "URLRewrite": _rewrite,
    "ExtensionRef": _object,
    "CORS": _cors,
    "RequestMirror": _left_to_destination,
}
"""Type of a filter → what writes it."""
