"""What the filters of a rule are written for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.model.resolve.route_filters import RuleFilter
from egxds.translate.routes.served_at import ServedAt


@dataclass(frozen=True, slots=True)
class FilterContext:
    """What filters are written for.

    Attributes:
        matched_prefix: the path prefix that the match asks for, as the user wrote it.
        hostname: domain of the virtual host, a wildcard perhaps.
        served_at: the listener.
        objects: name of an HTTPRouteFilter that the rule names → what it comes to.
    """

    matched_prefix: str
    hostname: str
    served_at: ServedAt
    objects: Mapping[str, RuleFilter] = field(default_factory=dict)

    @property
    def tells_host(self) -> bool:
        """Whether a backend is told the Host as it was, where the rule changes it."""
        rewrites = (each.rewrite for each in self.objects.values())
        return all(each.append_x_forwarded_host for each in rewrites if each is not None)
