"""Extensions in Python: what authors of hooks import. `docs/hooks.md` is their page.

    class ShopHooks(Hooks):
        async def virtual_host(self, host: VirtualHost, context: VirtualHostContext) -> VirtualHost | None:
            set_response_header(host, "x-shop", "open")
            return host

    extensionManagers:
      - name: headers
        service: {python: "shop_hooks:ShopHooks", path: [hooks/]}
        hooks: {xdsTranslator: {post: [VirtualHost]}}

The object, or the class of which one is made without arguments, is loaded when egxds starts and again when its files
change. Its functions are the same hooks as those of an extension server, which it can be as well (`egxds extension
serve`): same order, `timeout`, `onFailure`, checks, cache and counters. A function that raises has failed.

They run in a process of their own, or on threads of egxds (`service.isolation`). A thread shares all with egxds: what
crashes in it or calls `os._exit` ends egxds, what it keeps is memory of egxds, and code in C that never lets go of the
interpreter holds up egxds as a whole.

The messages are those of the package `xds-protos`, and can be imported from here too. They belong to the function that
gets them, to be changed and returned; what it does not return is not used.
"""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from egxds.extension.clusters import Tls, grpc_service, service_cluster
from egxds.extension.contexts import (
    ClusterContext,
    EndpointsContext,
    ExtensionObject,
    ListenerContext,
    Resources,
    RouteContext,
    TranslationContext,
    VirtualHostContext,
)
from egxds.extension.filter_config import disable_filter, enable_filter, filter_config, set_filter_config
from egxds.extension.headers import (
    Format,
    add_request_header,
    add_response_header,
    remove_request_header,
    remove_response_header,
    set_request_header,
    set_response_header,
)
from egxds.extension.hooks import Hooks
from egxds.extension.http_filters import add_http_filter, connection_managers, http_filter, insert_http_filter
from egxds.extension.origins import Gateway, GatewayListener, Rule
from egxds.extension.refuse import Refuse
from egxds.extension.typed_config import holds, read_config, typed_config

__all__ = [
    "Cluster",
    "ClusterContext",
    "ClusterLoadAssignment",
    "EndpointsContext",
    "ExtensionObject",
    "Format",
    "Gateway",
    "GatewayListener",
    "Hooks",
    "Listener",
    "ListenerContext",
    "Refuse",
    "Resources",
    "Route",
    "RouteConfiguration",
    "RouteContext",
    "Rule",
    "Secret",
    "Tls",
    "TranslationContext",
    "VirtualHost",
    "VirtualHostContext",
    "add_http_filter",
    "add_request_header",
    "add_response_header",
    "connection_managers",
    "disable_filter",
    "enable_filter",
    "filter_config",
    "grpc_service",
    "holds",
    "http_filter",
    "insert_http_filter",
    "read_config",
    "remove_request_header",
    "remove_response_header",
    "service_cluster",
    "set_filter_config",
    "set_request_header",
    "set_response_header",
    "typed_config",
]
