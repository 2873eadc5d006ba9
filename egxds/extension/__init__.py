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

They run beside egxds, by `service.isolation` in a process of their own (`process`, unless it says otherwise) or on
threads of egxds itself (`thread`), and on an event loop there. A deadline (`timeout`) starts with the first step of a
call's own code. A function that waits (`await`) is cancelled at its deadline. One that blocks its thread is left behind
then, and what waits behind it goes to another thread at once; what it returns after all is not used. A call that was
held up by another may be begun again. Whatever a function raises, BaseException too, is a failed call of that function
and of no other, as is its loop that it stops, and a task of another call that it cancels.

    what a function does                 process                            thread
    it crashes, or calls os._exit        a failed call; the calls beside    the end of egxds
                                         it are asked again in another
                                         process
    it keeps memory                      its process is replaced at         egxds grows
                                         `limits.memory` (512Mi)
    it wants too much memory at once     a failed call                      MemoryError, or the end of egxds
    it blocks its thread for ever        a failed call; the process is      a failed call, and a thread less: there
                                         replaced when 16 threads are       are 32. When all are blocked, calls fail
                                         blocked                            when they have waited for their timeout
    it spins, in Python                  a failed call; it is interrupted   the same, and egxds is slower until then
    it spins in a thread of its own      the process is replaced when it    egxds is slower, for good
                                         was busy for 10 s and nothing
                                         was asked
    C code of it keeps the interpreter   the process is replaced 2 s        egxds stands still
                                         after the deadline
    it changes what Python shares (the   nobody else sees it                egxds sees it
    working directory, `sys.path`,
    handlers of signals, the locale)

A call in a process costs about 0.4 ms of processor time on either side, on a thread less than 0.1 ms.

The code is loaded again when a `.py` or `.so` file below `path`, or in the package of its module, changes, and on
SIGHUP, as for other files that it reads: the new version takes over whole once it is loaded and checked, and everything
is asked again; or else the old one goes on, and the log, `egxds hooks` and `/api/v1/hooks` (`loadError`) say what is
wrong with the new one, and where. An import may take `loadTimeout` (10s). At start, egxds ends where the settings name
what is not there or ask for what the object does not have; code that fails, or hangs, when it is loaded is an extension
that fails, for which `onFailure` says what is published.

What functions print, and what they log with `logging`, is in the log of egxds, with the names of their loggers and
their levels.

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
