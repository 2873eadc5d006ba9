"""Envoy resources on their way from translation through the hooks to the snapshot.

A body is always the deterministic encoding of its message (map keys sorted, known `Any` payloads inside
encoded the same way), so equal content has equal bytes. Routes and virtual hosts keep their own bytes:
a virtual host is its head followed by its routes, a RouteConfiguration is its head followed by its virtual
hosts, and joining them costs no encoding (protobuf fields concatenate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.encoding import field_bytes

Key = tuple[str, str]
"""(type URL, resource name)."""

_VIRTUAL_HOST_ROUTES = 3
_ROUTE_CONFIGURATION_VIRTUAL_HOSTS = 2


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as Envoy subscribes to it.

    Attributes:
        type_url: one of `names.PUSH_ORDER`.
        name: its resource name; the message inside has the same.
        body: the encoded message.
        sources: the objects it was made from, sorted.
        ttl_s: seconds after which a client drops it unless it is kept alive; None where it keeps it.
    """

    type_url: str
    name: str
    body: bytes
    sources: tuple[ObjectKey, ...] = ()
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a virtual host.

    Attributes:
        name: as `names.route_name` makes it.
        body: the encoded Route message.
        sources: the route object, and what its rule refers to.
        extension_resources: the extensions' objects that the rule names, as filters or as backends. Where there
            are any, or policies, the Route hook is called for this route.
        hostnames: domains of its virtual host, for the hook.
        extension_policies: the extensions' policies on the rule, then those on its route object.
        is_denied: whether a hook failed on it: it answers 500, and no later hook changes that.
    """

    name: str
    body: bytes
    sources: tuple[ObjectKey, ...] = ()
    extension_resources: tuple[ExtensionResource, ...] = ()
    hostnames: tuple[str, ...] = ()
    extension_policies: tuple[ExtensionResource, ...] = ()
    is_denied: bool = False


@dataclass(frozen=True, slots=True)
class ExtensionResource:
    """An extension's own object, in the form its server gets it."""

    group: str
    kind: str
    document: bytes


ExtensionResources = tuple[ExtensionResource, ...]
"""Some objects of extensions."""


@dataclass(frozen=True, slots=True)
class HookContext:
    """What hooks get beside the resources; the Route hook's stands at each route.

    Attributes:
        clusters: cluster name → the extensions' objects that the rule names as filters, and as backends of this
            cluster; only clusters that have any.
        listeners: Envoy listener name → policies on any of the Gateway's listeners there, each once; only listeners
            that have any.
        gateway: policies on the Gateway, or on a listener of it, each once.
    """

    clusters: Mapping[str, ExtensionResources] = field(default_factory=dict)
    listeners: Mapping[str, ExtensionResources] = field(default_factory=dict)
    gateway: ExtensionResources = ()


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """One virtual host of a RouteConfiguration.

    Attributes:
        name: as `names.virtual_host_name` makes it.
        domains: sorted.
        head: the encoded VirtualHost message without its routes.
        routes: in the order in which Envoy tries them.
        sources: the objects it was made from, sorted.
    """

    name: str
    domains: tuple[str, ...]
    head: bytes
    routes: tuple[Route, ...]
    sources: tuple[ObjectKey, ...] = ()

    def encode(self) -> bytes:
        """Return the encoded VirtualHost message."""
        return self.head + b"".join(field_bytes(_VIRTUAL_HOST_ROUTES, route.body) for route in self.routes)


@dataclass(frozen=True, slots=True)
class RouteConfiguration:
    """One RouteConfiguration, not yet joined.

    Attributes:
        name: as `names.listener_name` makes it.
        head: the encoded RouteConfiguration message without its virtual hosts.
        virtual_hosts: sorted by name.
        sources: the Gateway; what its virtual hosts were made from stands at them.
    """

    name: str
    head: bytes
    virtual_hosts: tuple[VirtualHost, ...]
    sources: tuple[ObjectKey, ...] = ()

    def encode(self) -> bytes:
        """Return the encoded RouteConfiguration message."""
        number = _ROUTE_CONFIGURATION_VIRTUAL_HOSTS
        return self.head + b"".join(field_bytes(number, host.encode()) for host in self.virtual_hosts)

    def resource(self) -> Resource:
        """Return it as one resource, with the sources of everything inside."""
        sources = {key for host in self.virtual_hosts for key in host.sources}
        return Resource(names.ROUTE_CONFIGURATION, self.name, self.encode(), tuple(sorted(sources | set(self.sources))))


@dataclass(frozen=True, slots=True)
class GatewayTranslation:
    """All resources of one Gateway before any hook; every tuple is sorted by name.

    Attributes:
        gateway: `<namespace>/<name>`.
        class_name: its GatewayClass.
        endpoints: one for each cluster that is not resolved by DNS, under the cluster's name.
        context: what hooks get beside the resources.
    """

    gateway: str
    class_name: str
    listeners: tuple[Resource, ...]
    route_configurations: tuple[RouteConfiguration, ...]
    clusters: tuple[Resource, ...]
    endpoints: tuple[Resource, ...]
    secrets: tuple[Resource, ...]
    context: HookContext = field(default_factory=HookContext)
