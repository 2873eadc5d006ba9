"""A redirect filter → Envoy's redirect. Pure."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RedirectAction

from egxds.model.api.http_filters import HttpRequestRedirect
from egxds.translate.routes.paths import redirect_path
from egxds.translate.routes.served_at import ServedAt

_DEFAULT_PORTS = {"http": 80, "https": 443}
_RESPONSE_CODES = {
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}


def write_redirect(
    action: RedirectAction, redirect: HttpRequestRedirect, matched_prefix: str, served_at: ServedAt
) -> None:
    """Write a redirect.

    Args:
        action: gets the redirect.
        redirect: what the rule says.
        matched_prefix: the prefix that the match asks for, as the user wrote it.
        served_at: the listener.
    """
    action.response_code = _RESPONSE_CODES[redirect.status_code]
    action.port_redirect = _port(redirect, served_at)
    if redirect.scheme is not None:
        action.scheme_redirect = redirect.scheme
    if redirect.hostname is not None:
        action.host_redirect = redirect.hostname
    if redirect.path is not None:
        redirect_path(action, redirect.path, matched_prefix)


def _port(redirect: HttpRequestRedirect, served_at: ServedAt) -> int:
    """Return the port that Envoy has to write into the Location, 0 for none.

    The port is the one given, else the scheme's, else the listener's; one that goes without saying is left out
    (Gateway API, HTTPRequestRedirectFilter.port). Left alone, Envoy keeps the port of the request's Host, which
    is right only where a client names no other port than its scheme's.
    """
    scheme = redirect.scheme or served_at.scheme
    port = redirect.port or (_DEFAULT_PORTS[scheme] if redirect.scheme else served_at.port)
    if port != _DEFAULT_PORTS[scheme]:
        return port
    host_names_no_port = redirect.hostname is not None or served_at.port == _DEFAULT_PORTS[served_at.scheme]
    return 0 if host_names_no_port else port
