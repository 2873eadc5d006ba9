"""The second extension of a chain of two, in process: serves where it is shown answers of 500."""

from __future__ import annotations

from typing import Any

from egxds.extension import Hooks

# The messages carry no type hints.
_Message = Any


class Repairing(Hooks):
    """Lets every route that answers 5xx answer 200, and serves all other domains."""

    async def translation(self, resources: _Message, context: object) -> _Message:
        for configuration in resources.routes:
            for host in configuration.virtual_hosts:
                host.name = f"repaired {host.name}" if host.name == "error_vhost" else host.name
                host.domains[:] = ["*"] if host.name.startswith("repaired") else host.domains
                for route in host.routes:
                    if route.direct_response.status >= 500:
                        route.direct_response.status = 200
        return resources
