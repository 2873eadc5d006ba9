"""The first extension of a chain of two, in process: leaves a mark on whatever passes through each of its hooks."""

from __future__ import annotations

from typing import Any

from egxds.extension import Hooks

# The messages carry no type hints.
_Message = Any


def mark(hook: str) -> str:
    """Return what the head's edit of one hook adds, as it stands in a dump."""
    return f"head-{hook}"


def _marked(message: _Message, hook: str) -> _Message:
    message.metadata.filter_metadata[mark(hook)]["seen"] = True
    return message


class Head(Hooks):
    """Marks by metadata, which Envoy ignores; and endpoints, which have none, by their zone."""

    async def route(self, route: _Message, context: object) -> _Message:
        return _marked(route, "Route")

    async def endpoints(self, endpoints: _Message, context: object) -> _Message:
        for locality in endpoints.endpoints:
            locality.locality.sub_zone = mark("Endpoints")
        return endpoints

    async def cluster(self, cluster: _Message, context: object) -> _Message:
        return _marked(cluster, "Cluster")

    async def virtual_host(self, host: _Message, context: object) -> _Message:
        return _marked(host, "VirtualHost")

    async def http_listener(self, listener: _Message, context: object) -> _Message:
        return _marked(listener, "HTTPListener")

    async def translation(self, resources: _Message, context: object) -> _Message:
        for configuration in resources.routes:
            _marked(configuration, "Translation")
        return resources
