"""What a hook is given beside the resource, and what the Translation hook is given and returns. Pure; for users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
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
