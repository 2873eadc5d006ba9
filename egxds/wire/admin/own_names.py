"""Wire room: what is asked of the admin port by a name that is not its own is not answered. Pure ASGI.

A page in a browser on this machine may have the browser ask any port of it. What it gets it cannot read, being of
another origin; unless its own name is made to lead here for a moment (DNS rebinding), when it is of this origin. Then
the Host that is asked for is the name of the page. An address cannot be made to lead elsewhere, so those are answered,
and so are `localhost`, the name that the settings bind, and names that they list.

Probes and metrics are answered under any name: they say nothing that is worth it, and are asked for by names of
services that nobody has listed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from egxds.cut_text import cut

_FOR_ANYBODY = frozenset({"/healthz", "/readyz", "/metrics"})
_LOCALHOST = "localhost"
_SHOWN_CHARACTERS = 80


class OwnNames:
    """Answers what asks for this server, and refuses the rest with 403."""

    def __init__(self, application: ASGIApp, names: Iterable[str]) -> None:
        """Stand before an application.

        Args:
            application: what is served.
            names: hostnames of this server, beside addresses and localhost.
        """
        self._application = application
        self._names = frozenset(name.lower().rstrip(".") for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        refusal = refused(Headers(scope=scope), self._names) if scope.get("path") not in _FOR_ANYBODY else ""
        answer = PlainTextResponse(f"{refusal}\n", 403) if refusal else self._application
        await answer(scope, receive, send)


def refused(headers: Headers, names: Collection[str]) -> str:
    """Return why a request is not answered; empty where it is.

    Args:
        headers: of the request.
        names: hostnames of this server, in lower case.
    """
    # A client without Host is no browser.
    host, origin = headers.get("host"), headers.get("origin")
    if host is not None and not _is_own(_name_in(f"//{host}"), names):
        return f"the Host {cut(host, _SHOWN_CHARACTERS)!r} is no name of this server: list it in admin.allowedHosts"
    if origin is not None and origin.lower().partition("://")[2] != (host or "").lower():
        return f"the Origin {cut(origin, _SHOWN_CHARACTERS)!r} is another one than this server"
    return ""


def _is_own(name: str, names: Collection[str]) -> bool:
    if name in names or name == _LOCALHOST or name.endswith(f".{_LOCALHOST}"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name_in(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # brackets without an address in them
        return ""
