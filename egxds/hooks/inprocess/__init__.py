"""Hooks as Python functions within egxds: what an object that `service.python` names may define. Pure; for users.

    extensionManagers:
      - name: headers
        service: {python: "shop_hooks:ShopHooks", path: [hooks/]}
        hooks: {xdsTranslator: {post: [VirtualHost]}}

    class ShopHooks(Hooks):
        async def virtual_host(self, host: VirtualHost, context: VirtualHostContext) -> VirtualHost | None:
            host.response_headers_to_add.add().header.key = "x-shop"
            return host

The object, or the class of which one is made without arguments, is loaded once, when egxds starts. Its functions are
the same hooks as those of an extension server: same order, `timeout`, `onFailure`, checks, cache and counters. A
function that raises has failed.

They run on an event loop of their own, in a thread beside that of egxds. A function that waits (`await`) is cancelled
at its deadline. One that blocks its thread instead is left behind at its deadline, and calls after it get a new
thread and event loop; what it returns after all is not used. Four threads that are blocked at one time are the
limit: until one of them is free again, calls fail at once. A function that never lets go of the interpreter, which
only code in C can do, holds up egxds as a whole.

The messages are those of the package `xds-protos`. They belong to the function that gets them, to be changed and
returned; what it does not return is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

ExtensionObject = Mapping[str, object]
"""One object of a kind that belongs to the extension, with the keys that its YAML has."""


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What a route came from.

    Attributes:
        hostnames: domains of its virtual host.
        resources: the extension's own objects that the rule of the HTTPRoute names.
        policies: the extension's own policies for the HTTPRoute or the rule.
    """

    hostnames: tuple[str, ...] = ()
    resources: tuple[ExtensionObject, ...] = ()
    policies: tuple[ExtensionObject, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterContext:
    """What a cluster came from.

    Attributes:
        resources: the extension's own backends that the rule of the HTTPRoute names.
    """

    resources: tuple[ExtensionObject, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointsContext:
    """Nothing, so far."""


@dataclass(frozen=True, slots=True)
class VirtualHostContext:
    """Nothing, so far."""


@dataclass(frozen=True, slots=True)
class ListenerContext:
    """What a listener came from.

    Attributes:
        resources: the extension's own policies for the Gateway or the listener.
    """

    resources: tuple[ExtensionObject, ...] = ()


@dataclass(frozen=True, slots=True)
class TranslationContext:
    """What a Gateway came from.

    Attributes:
        resources: the extension's own policies for the Gateway or its listeners.
    """

    resources: tuple[ExtensionObject, ...] = ()


@dataclass(slots=True)
class Resources:
    """All resources of a Gateway, of the types that `hooks.xdsTranslator.translation` includes.

    What is returned takes the place of all of them. A type that is not included is empty, and stays as it is.

    Attributes:
        clusters: included unless the settings say otherwise.
        secrets: included unless the settings say otherwise.
        listeners: included where the settings say so.
        routes: included where the settings say so.
    """

    clusters: list[Cluster] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    routes: list[RouteConfiguration] = field(default_factory=list)


class Refuse(Exception):  # noqa: N818 nothing went wrong: the hook means it
    """Raised by a hook that refuses an object on purpose; the text is shown to whoever wrote the object.

    It is denied (or held, or bypassed) at once, and not tried again until an input of the call changes.
    """


# ruff: noqa: ARG002 what is left out changes nothing
class Hooks(Protocol):
    """The hooks. An object need not be a subclass, nor define them all: what it leaves out changes nothing.

    Every function returns its version of what it is given, under the same name; or None, to leave it as it was.
    """

    async def route(self, route: Route, context: RouteContext) -> Route | None:
        """Change one route; called for routes whose rule names one of the extension's own objects."""
        return None

    async def endpoints(
        self, endpoints: ClusterLoadAssignment, context: EndpointsContext
    ) -> ClusterLoadAssignment | None:
        """Change the endpoints of one cluster."""
        return None

    async def cluster(self, cluster: Cluster, context: ClusterContext) -> Cluster | None:
        """Change one cluster; called for clusters of rules that name one of the extension's own objects."""
        return None

    async def virtual_host(self, host: VirtualHost, context: VirtualHostContext) -> VirtualHost | None:
        """Change one virtual host."""
        return None

    async def http_listener(self, listener: Listener, context: ListenerContext) -> Listener | None:
        """Change one listener; one returned under another name is added."""
        return None

    async def translation(self, resources: Resources, context: TranslationContext) -> Resources | None:
        """Change everything, at last."""
        return None
