"""The functions that an extension in Python may define. Pure; for users."""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost

from egxds.extension.contexts import (
    ClusterContext,
    EndpointsContext,
    ListenerContext,
    Resources,
    RouteContext,
    TranslationContext,
    VirtualHostContext,
)


# ruff: noqa: ARG002 what is left out changes nothing
class Hooks:
    """The hooks: a class of yours defines those that `hooks.xdsTranslator.post` names, each with `async def`.

    Every function returns its version of what it is given, under the same name; or None, to leave it as it was. It need
    not be a subclass: this one has a type checker say what is wrong with a name or a parameter that is there already.
    """

    async def route(self, route: Route, context: RouteContext, /) -> Route | None:
        """Change one route; called for routes whose rule names one of the extension's own objects."""
        return None

    async def endpoints(
        self, endpoints: ClusterLoadAssignment, context: EndpointsContext, /
    ) -> ClusterLoadAssignment | None:
        """Change the endpoints of one cluster."""
        return None

    async def cluster(self, cluster: Cluster, context: ClusterContext, /) -> Cluster | None:
        """Change one cluster; called for clusters of rules that name one of the extension's own objects."""
        return None

    async def virtual_host(self, host: VirtualHost, context: VirtualHostContext, /) -> VirtualHost | None:
        """Change one virtual host."""
        return None

    async def http_listener(self, listener: Listener, context: ListenerContext, /) -> Listener | None:
        """Change one listener; one returned under another name is added."""
        return None

    async def translation(self, resources: Resources, context: TranslationContext, /) -> Resources | None:
        """Change everything, at last."""
        return None
