"""Which of several routes that match a request takes it. Pure.

Envoy takes the first route that matches, so the routes of a virtual host are put in the order of Gateway API's
precedence: that of the matches (`egxds.model.resolve.match_order`); then the oldest route, its name, and the order of
its rules. The hostname comes before all of this, and is settled already: Envoy takes the virtual host of the most
specific domain.

All of it stands in the `Place` of a route, a tuple of plain values: the interpreter compares two of them without a step
of ours, so that a route finds its place among ten thousand by a search, and no other one is looked at. No two routes of
a virtual host have the same place.
"""

from __future__ import annotations

from typing import NamedTuple

from egxds.model.resolve.match_order import Rank
from egxds.model.resolve.precedence import Precedence
from egxds.resources.route_configuration import Route


class Place(NamedTuple):
    """Where a route stands among those of its virtual host: what sorts before is tried first.

    Attributes:
        rank: of its match.
        precedence: of the route object.
        position: among the matches of all rules of the route object, 0 for the first.
    """

    rank: Rank
    precedence: Precedence
    position: int


class PlacedRoute(NamedTuple):
    """A route and its place among the others of its virtual host."""

    place: Place
    route: Route


PlacedRoutes = tuple[PlacedRoute, ...]
"""The Envoy routes of one route object under one hostname, in the order of its rules and matches."""
