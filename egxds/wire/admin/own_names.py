"""Wire room: what is asked of the admin port by a name that is not its own is not answered. Pure.

A page in a browser on this machine may have the browser ask any port of it. What it gets it cannot read, being of
another origin; unless its own name is made to lead here for a moment (DNS rebinding), when it is of this origin. Then
the Host that is asked for is the name of the page. An address cannot be made to lead elsewhere, so those are answered,
and so are `localhost`, the name that the settings bind, and names that they list.

Probes and metrics are answered under any name: they say nothing that is worth it, and are asked for by names of
services that nobody has listed. Over a Unix socket no browser comes, and its clients write any Host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from egxds.cut_text import cut
from egxds.wire.admin.refused_head import RefusedHead
from egxds.wire.listen import Address, UnixPath

_FOR_ANYBODY = frozenset({"/healthz", "/readyz", "/metrics"})
_LOCALHOST = "localhost"
_SHOWN_CHARACTERS = 80


class OwnNames:
    """Knows what asks for this server."""

    def __init__(self, bound: Address, names: Iterable[str]) -> None:
        """Know its names, beside addresses and localhost.

        Args:
            bound: where it listens.
            names: more of its hostnames.
        """
        self._is_unix = isinstance(bound, UnixPath)
        self._own = () if isinstance(bound, UnixPath) else (bound.host,)
        self.answer_to(names)

    def answer_to(self, names: Iterable[str]) -> None:
        """Have other names beside its own from now on.

        Args:
            names: all of them.
        """
        self._names = frozenset(name.lower().rstrip(".") for name in (*self._own, *names))

    def refused(self, path: str, headers: Headers) -> RefusedHead | None:
        """Return why a request is not answered; None where it is.

        Args:
            path: that it asks for.
            headers: of the request.
        """
        if self._is_unix or path in _FOR_ANYBODY:
            return None
        # A client without Host is no browser.
        host, origin = headers.get("host"), headers.get("origin")
        if host is not None and not _is_own(_name_in(f"//{host}"), self._names):
            shown = cut(host, _SHOWN_CHARACTERS)
            text = f"the Host {shown!r} is no name of this server: list it in admin.allowedHosts"
            return RefusedHead(403, "admin.allowedHosts", text)
        if origin is not None and origin.lower().partition("://")[2] != (host or "").lower():
            shown = cut(origin, _SHOWN_CHARACTERS)
            return RefusedHead(403, "Origin", f"the Origin {shown!r} is another one than this server")
        return None


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
