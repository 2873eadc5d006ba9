"""RouteConfigurations in parts: routes and virtual hosts keep their own bytes.

A virtual host is its head followed by its routes, a RouteConfiguration is its head followed by its virtual hosts, and
joining them costs no encoding: protobuf fields concatenate. What stands before a body inside the message around it is
kept beside it, so that the interpreter joins them without a step of ours for each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from itertools import chain
from operator import attrgetter
from typing import overload

from egxds import names
from egxds.incremental.revision import Revision
from egxds.object_key import ObjectKey
from egxds.resources.encoding import field_prefix
from egxds.resources.resource import ExtensionResource, Resource

_VIRTUAL_HOST_ROUTES = 3
_ROUTE_CONFIGURATION_VIRTUAL_HOSTS = 2
_FEW = 8
"""From one in so many on, sorting all virtual hosts anew costs less than to search for each that changed."""

_name_of = attrgetter("name")
_prefix_and_body = attrgetter("prefix", "body")


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
        frames = ready or (self.head, *chain.from_iterable(map(_prefix_and_body, self.routes)))
        body = b"".join(frames)
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "prefix", field_prefix(_ROUTE_CONFIGURATION_VIRTUAL_HOSTS, len(body)))

    def all_sources(self) -> frozenset[ObjectKey]:
        """Return the objects that it and its routes were made from."""
        return frozenset(self.sources).union(*(route.sources for route in self.routes))


class VirtualHosts(Sequence[VirtualHost]):
    """The virtual hosts of a RouteConfiguration, sorted by name. Immutable.

    To edit them costs three copies by the interpreter, of the sorted hosts, of their bytes and of the mapping, and a
    search for each host that comes or goes.

    Attributes:
        by_name: the same, by name; tells what changed.
    """

    __slots__ = ("_frames", "_sorted", "by_name")

    def __init__(self, hosts: Iterable[VirtualHost] = ()) -> None:
        """Take virtual hosts in any order; no name is there twice."""
        self._sorted = tuple(sorted(hosts, key=_name_of))
        self._frames = tuple(chain.from_iterable(map(_prefix_and_body, self._sorted)))
        self.by_name = Revision(zip(map(_name_of, self._sorted), self._sorted, strict=True))

    def edited(self, changed: Mapping[str, VirtualHost], removed: Iterable[str] = ()) -> VirtualHosts:
        """Return them with some added, replaced or removed.

        Args:
            changed: name → virtual host.
            removed: names; those that are not there are no change.

        Returns:
            These very ones where nothing changes.
        """
        by_name = self.by_name.edited(changed, removed)
        if by_name is self.by_name:
            return self
        changed_names = by_name.changed_since(self.by_name)
        if len(changed_names) * _FEW > len(by_name):
            found = VirtualHosts(by_name.values())
        else:
            found = VirtualHosts()
            found._sorted, found._frames = self._resorted(by_name, changed_names)
        found.by_name = by_name
        return found

    def joined_to(self, head: bytes) -> bytes:
        """Return the encoding of a RouteConfiguration that has them, behind its head."""
        return b"".join((head, *self._frames))

    def _resorted(
        self, by_name: Mapping[str, VirtualHost], changed_names: Iterable[str]
    ) -> tuple[tuple[VirtualHost, ...], tuple[bytes, ...]]:
        hosts, frames = list(self._sorted), list(self._frames)
        for name in changed_names:
            at = bisect_left(hosts, name, key=_name_of)
            known = at < len(hosts) and hosts[at].name == name
            new = [by_name[name]] if name in by_name else []
            hosts[at : at + known] = new
            # A prefix and a body for each.
            frames[2 * at : 2 * (at + known)] = chain.from_iterable(map(_prefix_and_body, new))
        return tuple(hosts), tuple(frames)

    def __len__(self) -> int:
        return len(self._sorted)

    def __iter__(self) -> Iterator[VirtualHost]:
        return iter(self._sorted)

    @overload
    def __getitem__(self, at: int) -> VirtualHost: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[VirtualHost, ...]: ...
    def __getitem__(self, at: int | slice) -> VirtualHost | tuple[VirtualHost, ...]:
        return self._sorted[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VirtualHosts) and self._sorted == tuple(other)

    def __hash__(self) -> int:
        return hash(self._sorted)

    def __repr__(self) -> str:
        return f"VirtualHosts({list(self.by_name)!r})"


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
        return self.virtual_hosts.joined_to(self.head)

    def resource(self) -> Resource:
        """Return it as one resource; the sources of everything inside are gathered once somebody looks."""
        return Resource(names.ROUTE_CONFIGURATION, self.name, self.encode(), SourcesWithin(self))


class SourcesWithin(Sequence[ObjectKey]):
    """The objects that a RouteConfiguration and everything inside were made from, sorted; gathered when looked at."""

    __slots__ = ("_configuration", "_found")

    def __init__(self, configuration: RouteConfiguration) -> None:
        self._configuration = configuration
        self._found: tuple[ObjectKey, ...] | None = None

    def gathered(self) -> tuple[ObjectKey, ...]:
        """Return all of them."""
        if self._found is None:
            inside = (host.all_sources() for host in self._configuration.virtual_hosts)
            self._found = tuple(sorted(frozenset(self._configuration.sources).union(*inside)))
        return self._found

    def __len__(self) -> int:
        return len(self.gathered())

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(self.gathered())

    @overload
    def __getitem__(self, at: int) -> ObjectKey: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[ObjectKey, ...]: ...
    def __getitem__(self, at: int | slice) -> ObjectKey | tuple[ObjectKey, ...]:
        return self.gathered()[at]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Sequence) and self.gathered() == tuple(other))

    def __hash__(self) -> int:
        return hash(self.gathered())
