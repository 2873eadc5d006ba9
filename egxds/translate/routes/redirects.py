"""A redirect filter → Envoy's redirect. Pure.

The port of the Location is the one given, else the scheme's, else the listener's; one that goes without saying is left
out (Gateway API, HTTPRequestRedirectFilter.port). Envoy writes a port, or keeps that of the request's Host. To leave
out one that the Host has it must be given the host, and where that is a wildcard it takes more (`host_without_port`).

A rule that gives neither scheme nor port stays where the client is: of a listener on the default port, which may be
published at another one, the port that the client names is kept.
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RedirectAction, Route

from egxds.model.api.http_filters import HttpRequestRedirect
from egxds.model.resolve.resolved import ANY_HOST
from egxds.translate.host_without_port import write_location
from egxds.translate.routes.filter_context import FilterContext
from egxds.translate.routes.paths import redirect_path, substitute_path

_DEFAULT_PORTS = {"http": 80, "https": 443}
_RESPONSE_CODES = {
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}


def write_redirect(route: Route, redirect: HttpRequestRedirect, context: FilterContext) -> None:
    """Write a redirect.

    Args:
        route: gets the redirect.
        redirect: what the rule says.
        context: what it is written for.
    """
    action = route.redirect
    action.response_code = _RESPONSE_CODES[redirect.status_code]
    if redirect.scheme is not None:
        action.scheme_redirect = redirect.scheme
    if redirect.hostname is not None:
        action.host_redirect = redirect.hostname
    if redirect.path is not None:
        redirect_path(action, redirect.path, context.matched_prefix)
    scheme = redirect.scheme or context.served_at.scheme
    port = redirect.port or (_DEFAULT_PORTS[scheme] if redirect.scheme else context.served_at.port)
    stays = redirect.scheme is None and redirect.port is None
    if port != _DEFAULT_PORTS[scheme]:
        action.port_redirect = port
    elif redirect.hostname is None and not stays:
        _leave_port_out(route, scheme, context.hostname)


def _leave_port_out(route: Route, scheme: str, hostname: str) -> None:
    """Name no port, though the Host of the request may: the host is known, or else taken from it."""
    path = route.redirect.path_redirect
    if not hostname.startswith(ANY_HOST):
        route.redirect.host_redirect = hostname
    elif "?" in path:
        write_location(route, scheme, path)
    else:
        if path:
            substitute_path(route.redirect, path)
        write_location(route, scheme)
