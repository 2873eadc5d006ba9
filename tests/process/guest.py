"""An extension within the process, which accepts what it is given."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import Route

from egxds.extension import Hooks, RouteContext


class Guest(Hooks):
    """What `service.python` names."""

    async def route(self, route: Route, _context: RouteContext) -> Route:
        """Leave it as it is."""
        return route


SETTINGS = {
    "stateDir": "state",
    "extensionManagers": [
        {
            "name": "guest",
            "service": {"python": "tests.process.guest:Guest"},
            "hooks": {"xdsTranslator": {"post": ["Route"], "translation": {"route": {"includeAll": True}}}},
            "onFailure": "hold",
        }
    ],
}
"""Settings of a daemon that keeps states for it."""
