"""What routes of connections and datagrams have in common, as a user writes them. Pure.

Such a route has one rule with backends, and nothing in it is asked of what it carries. The rules are those of the CRDs
(Gateway API v1.6, TLSRouteSpec, TCPRouteSpec, UDPRouteSpec and below).

Their earlier versions let several rules be written, of which none could ever be told from the others. Such a route is
read, and no listener takes it: to send everything by the first would be to guess.
"""

from __future__ import annotations

from pydantic import Field

from egxds.model.api.filters import RouteFilter
from egxds.model.api.matches import RouteMatch
from egxds.model.api.object import api_type
from egxds.model.api.references import BackendRef
from egxds.model.api.routes import RouteRule, RouteSpec


@api_type
class StreamRule(RouteRule):
    """The one rule of such a route.

    Attributes:
        matches: none; who writes some, as earlier versions of the API had them, wants less let through than all.
        filters: the same.
    """

    matches: tuple[RouteMatch, ...] = Field(default=(), max_length=0)
    filters: tuple[RouteFilter, ...] = Field(default=(), max_length=0)
    backend_refs: tuple[BackendRef, ...] = Field(min_length=1, max_length=16)


@api_type
class StreamRouteSpec(RouteSpec):
    """spec of such a route.

    Attributes:
        hostnames: none, where nothing says for which host a connection is.
    """

    hostnames: tuple[str, ...] = Field(default=(), max_length=0)
    rules: tuple[StreamRule, ...] = Field(min_length=1, max_length=16)

    @property
    def unattachable(self) -> str:
        """Why no listener can take it."""
        return "" if len(self.rules) == 1 else f"has {len(self.rules)} rules, and a connection goes by one; keep one"
