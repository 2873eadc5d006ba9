"""What a hook is given beside the resource, and what the Translation hook is given and returns. Pure; for users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from egxds.extension.origins import Gateway, GatewayListener, Rule

ExtensionObject = Mapping[str, Any]
"""One object of a kind that belongs to the extension, with the keys that its YAML has: `item["spec"]["text"]`.

Nobody but the extension knows what is in it: what it needs and does not find is a KeyError, which is a failed call.
"""


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What a route came from.

    Attributes:
        hostnames: domains of its virtual host.
        rule: the rule of the HTTPRoute or GRPCRoute; nothing where the route's name is none of a rule.
        match: which of the rule's matches it is, from 0; nothing where the rule has none.
        gateway: the Gateway that it is at; nothing from Envoy Gateway, which does not tell.
        listener: the listener of it; as `gateway`.
        resources: the extension's own objects that the rule names.
        policies: the extension's own policies for the HTTPRoute or the rule.
    """

    hostnames: tuple[str, ...] = ()
    rule: Rule | None = None
    match: int | None = None
    gateway: Gateway | None = None
    listener: GatewayListener | None = None
    resources: tuple[ExtensionObject, ...] = ()
    policies: tuple[ExtensionObject, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterContext:
    """What a cluster came from.

    Attributes:
        rule: the rule of the HTTPRoute or GRPCRoute; nothing where the cluster's name is none of a rule.
        backend: which of its backends, from 0; nothing where the cluster is for all of them.
        resources: the extension's own backends that the rule of the HTTPRoute names.
    """

    rule: Rule | None = None
    backend: int | None = None
    resources: tuple[ExtensionObject, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointsContext:
    """What endpoints came from.

    Attributes:
        rule: the rule of the HTTPRoute or GRPCRoute; nothing where the cluster's name is none of a rule.
        backend: which of its backends, from 0; nothing where the cluster is for all of them.
    """

    rule: Rule | None = None
    backend: int | None = None


@dataclass(frozen=True, slots=True)
class VirtualHostContext:
    """What a virtual host came from.

    Attributes:
        hostnames: its domains.
        gateway: the Gateway that it is at; nothing where neither its metadata nor its name tells.
        listener: the listener of it; as `gateway`.
    """

    hostnames: tuple[str, ...] = ()
    gateway: Gateway | None = None
    listener: GatewayListener | None = None


@dataclass(frozen=True, slots=True)
class ListenerContext:
    """What a listener came from.

    Attributes:
        gateway: the Gateway; nothing where its name does not tell.
        listeners: the Gateway's listeners on that port, as far as they are told.
        resources: the extension's own policies for the Gateway or one of those listeners.
    """

    gateway: Gateway | None = None
    listeners: tuple[GatewayListener, ...] = ()
    resources: tuple[ExtensionObject, ...] = ()


@dataclass(frozen=True, slots=True)
class TranslationContext:
    """What a Gateway came from.

    Attributes:
        gateway: the Gateway; nothing from Envoy Gateway, which does not tell.
        listeners: its listeners; none from Envoy Gateway.
        resources: the extension's own policies for the Gateway or its listeners.
    """

    gateway: Gateway | None = None
    listeners: tuple[GatewayListener, ...] = ()
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
