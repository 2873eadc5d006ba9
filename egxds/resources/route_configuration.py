"""RouteConfigurations in parts: routes and virtual hosts keep their own bytes (`resources.parts`).

A virtual host is its head followed by its routes, a RouteConfiguration is its head followed by its virtual hosts.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from itertools import chain

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.encoding import field_prefix
from egxds.resources.parts import SortedParts, SourcesWithin, prefix_and_body
from egxds.resources.resource import ExtensionResource, Resource

_VIRTUAL_HOST_ROUTES = 3
_ROUTE_CONFIGURATION_VIRTUAL_HOSTS = 2


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
        belongs_to: SHA-256 of what the objects say that it was made from and does not carry; hooks about it are asked
            again when it is another.
        prefix: what stands before the body inside a virtual host.
    """

    name: str
    body: bytes
    sources: tuple[ObjectKey, ...] = ()
    extension_resources: tuple[ExtensionResource, ...] = ()
    hostnames: tuple[str, ...] = ()
    extension_policies: tuple[ExtensionResource, ...] = ()
    is_denied: bool = False
    belongs_to: bytes = field(default=b"", repr=False)
    prefix: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", field_prefix(_VIRTUAL_HOST_ROUTES, len(self.body)))


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """One virtual host of a RouteConfiguration.

    Attributes:
        name: as `names.virtual_host_name` makes it.
        domains: sorted.
        head: the encoded VirtualHost message without its routes.
        routes: in the order in which Envoy tries them.
        sources: the objects that it was made from, those of its routes aside.
        frames: what the body is joined of: the head, then for each route what stands before it, and its body.
        body: the encoded VirtualHost message.
        prefix: what stands before the body inside a RouteConfiguration.
        ready: the frames, where they are known: to gather them of 10,000 routes takes longer than to join them.
    """

    name: str
    domains: tuple[str, ...]
    head: bytes = field(repr=False)
    routes: tuple[Route, ...] = field(repr=False)
    sources: tuple[ObjectKey, ...] = ()
    frames: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    body: bytes = field(init=False, repr=False, compare=False)
    prefix: bytes = field(init=False, repr=False, compare=False)
    ready: InitVar[tuple[bytes, ...]] = ()

    def __post_init__(self, ready: tuple[bytes, ...]) -> None:
        frames = ready or (self.head, *chain.from_iterable(map(prefix_and_body, self.routes)))
        body = b"".join(frames)
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "prefix", field_prefix(_ROUTE_CONFIGURATION_VIRTUAL_HOSTS, len(body)))

    def all_sources(self) -> frozenset[ObjectKey]:
        """Return the objects that it and its routes were made from."""
        return frozenset(self.sources).union(*(route.sources for route in self.routes))


class VirtualHosts(SortedParts[VirtualHost]):
    """The virtual hosts of a RouteConfiguration, sorted by name. Immutable."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RouteConfiguration:
    """One RouteConfiguration, not yet joined.

    Attributes:
        name: as `names.listener_name` makes it.
        head: the encoded RouteConfiguration message without its virtual hosts.
        virtual_hosts: no domain stands in two of them.
        sources: the Gateway; what its virtual hosts were made from stands at them.
    """

    name: str
    head: bytes = field(repr=False)
    virtual_hosts: VirtualHosts
    sources: tuple[ObjectKey, ...] = ()

    def encode(self) -> bytes:
        """Return the encoded RouteConfiguration message."""
        return self.virtual_hosts.joined(self.head)

    def all_sources(self) -> frozenset[ObjectKey]:
        """Return the objects that it and everything inside were made from."""
        return frozenset(self.sources).union(*(host.all_sources() for host in self.virtual_hosts))

    def resource(self) -> Resource:
        """Return it as one resource; the sources of everything inside are gathered once somebody looks."""
        return Resource(names.ROUTE_CONFIGURATION, self.name, self.encode(), SourcesWithin(self))
