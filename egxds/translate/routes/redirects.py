"""A redirect filter → Envoy's redirect. Pure.

The port of the Location is the one given, else the scheme's, else the listener's; one that goes without saying is left
out (Gateway API, HTTPRequestRedirectFilter.port). Envoy writes a port, or keeps that of the request's Host; the third,
to leave out one that the Host has, takes more (`translate.host_without_port`).
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RedirectAction, Route

from egxds.model.api.http_filters import HttpRequestRedirect
from egxds.translate.host_without_port import DEFAULT_PORTS, write_location
from egxds.translate.routes.paths import redirect_path, substitute_path
from egxds.translate.routes.served_at import ServedAt

_RESPONSE_CODES = {
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}


def write_redirect(route: Route, redirect: HttpRequestRedirect, matched_prefix: str, served_at: ServedAt) -> None:
    """Write a redirect.

    Args:
        route: gets the redirect.
        redirect: what the rule says.
        matched_prefix: the prefix that the match asks for, as the user wrote it.
        served_at: the listener.
    """
    action = route.redirect
    action.response_code = _RESPONSE_CODES[redirect.status_code]
    if redirect.scheme is not None:
        action.scheme_redirect = redirect.scheme
    if redirect.hostname is not None:
        action.host_redirect = redirect.hostname
    if redirect.path is not None:
        redirect_path(action, redirect.path, matched_prefix)
    scheme = redirect.scheme or served_at.scheme
    port = redirect.port or (DEFAULT_PORTS[scheme] if redirect.scheme else served_at.port)
    if port != DEFAULT_PORTS[scheme]:
        action.port_redirect = port
    elif redirect.hostname is None and not served_at.has_default_port:
        _leave_port_out(route, scheme)


def _leave_port_out(route: Route, scheme: str) -> None:
    """Name no port, though the Host of the request may: that of the listener is not where it goes."""
    path = route.redirect.path_redirect
    if "?" in path:
        write_location(route, scheme, path)
        return
    if path:
        substitute_path(route.redirect, path)
    write_location(route, scheme)
