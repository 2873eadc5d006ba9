"""Routes of listeners that share a port → their RouteConfiguration, doing again only what changed. Pure.

    listener, route ──attached──> hostname → its Envoy routes, placed
                                      │ edits: routes that go, routes that come
    listener, hostname ──hosts──> the virtual host, its routes sorted by their places
                                      │ of the listeners that share the hostname the first
    RouteConfiguration <──────────────┘

A route that is another one is written again, at all of its hostnames; what comes out equal is the object of before.
Its virtual hosts are edited, and the RouteConfiguration at the names of these. No other route, and no other virtual
host, is looked at: what is done over all of them, the interpreter does (`SortedRoutes` within one virtual host; within
the RouteConfiguration a copy of its mapping, of its sorted virtual hosts and of their bytes).

Which hostnames a listener has is another matter: through isolation it decides about routes of all listeners in the
group. So a table is made for a `TableShape`. Where of that no more has changed than who has some hostnames without a
wildcard, the table goes on (`followed`): such a hostname is nobody's but its own listeners', and takes requests from
none but those with a hostname that covers it. These listeners are let go and written again, from what was written for
their routes; to find them, and the listeners with other routes, the interpreter compares all. For any other shape a
table is made from nothing, all of whose routes and virtual hosts are looked at. It takes over from the table before
what was written for the same routes, if the port is the same, and what came out equal.

What policies ask of the requests at the listeners stands at the head of the RouteConfiguration, or at those of virtual
hosts (`routes.policy_heads`). A table goes on where only that has changed, too, and no route is looked at: what answers
by itself, whoever asks, says that no filter does so before. What they ask that stands at single routes, for want of any
other place, makes another shape: all routes are written again, but those that have a policy of their own.

A listener that is denied has no routes here: its hostname is a domain of the one `error_vhost`, which answers 500 to
everything, and which hooks are not shown (`egxds.resources.denials`). Names and references stay, so that Envoy's
Listener stays as it is when a denial comes or goes. Hostnames that are `elsewhere` answer 421 (`routes.misdirected`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import compress, repeat
from operator import attrgetter, is_not

from envoy.config.route.v3 import route_pb2

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.backend_traffic import NOTHING_ASKED, BackendTraffic
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.model.resolve.resolved import AttachedRoute, ResolvedListener, ResolvedRoute
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.error_virtual_host import error_virtual_host
from egxds.resources.route_configuration import RouteConfiguration, VirtualHost, VirtualHosts
from egxds.translate.http_filters.table import NO_CONFIGS, configs_of_listener, disabled_filters
from egxds.translate.metadata import Origin, gateway_of, origin_of
from egxds.translate.ports import HostGroup
from egxds.translate.routes.isolation import ListenerHostnames
from egxds.translate.routes.kinds import translate_route
from egxds.translate.routes.misdirected import misdirected_virtual_host
from egxds.translate.routes.policy_heads import PolicyHeads, policies_of
from egxds.translate.routes.precedence import PlacedRoute, PlacedRoutes
from egxds.translate.routes.served_at import ServedAt
from egxds.translate.routes.virtual_hosts import SortedRoutes, empty_virtual_host


@dataclass(frozen=True, slots=True)
class TableShape:
    """All that a RouteConfiguration is made from, but for its routes.

    Attributes:
        name: of the RouteConfiguration.
        served_at: how clients reach the listeners.
        origin: the Gateway, as virtual hosts tell of it.
        hostnames: of the listeners, each with its name, in the Gateway's order.
        denied: hostnames of the listeners that are denied, sorted.
        elsewhere: hostnames of other listeners, sorted, of which requests may come over their connections.
        heads: what policies ask of requests, and where that stands.
        to_backends: name of a listener → what is asked of the traffic of its rules, where that stands at routes.
        counts_hosts: whether requests are counted for each virtual host.
    """

    name: str
    served_at: ServedAt
    origin: Origin
    hostnames: tuple[tuple[str, str], ...]
    denied: tuple[str, ...]
    elsewhere: tuple[str, ...]
    heads: PolicyHeads
    to_backends: Mapping[str, BackendTraffic] = field(default_factory=dict)
    counts_hosts: bool = False


_NOTHING_ASKED = repeat(NOTHING_ASKED)


def shape_of(gateway: ApiObject[GatewaySpec], group: HostGroup) -> TableShape:
    """Return the shape that the table of a group of listeners has."""
    hostnames = tuple(map(attrgetter("name", "hostname"), group.listeners))
    are_denied = map(attrgetter("denials"), group.listeners)
    denied = tuple(sorted(set(compress(map(attrgetter("hostname"), group.listeners), are_denied))))
    heads = PolicyHeads.of(group.listeners)
    asking = compress(group.listeners, map(is_not, map(attrgetter("to_backends"), group.listeners), _NOTHING_ASKED))
    at_routes = {each.name: found for each in asking if (found := each.to_backends.at_routes) is not None}
    return TableShape(
        group.name,
        group.served_at,
        origin_of(gateway),
        hostnames,
        denied,
        group.elsewhere,
        heads,
        at_routes,
        group.counts_hosts,
    )


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a route at a listener came to: the Envoy routes under each of its hostnames."""

    route: ResolvedRoute | None = None
    at: Mapping[str, PlacedRoutes] = field(default_factory=dict)
    merged: Mapping[int, PoliciesInForce] = field(default_factory=dict)
    to_backends: BackendTraffic = NOTHING_ASKED


_NOWHERE = Attachment()
_Attachments = Mapping[tuple[str, ObjectKey], Attachment]
"""By listener and route."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """The routes that go from a virtual host, and those that come."""

    removed: list[PlacedRoute] = field(default_factory=list)
    added: list[PlacedRoute] = field(default_factory=list)


_HostPlace = tuple[str, str]
"""A listener, and a hostname of it."""

_Edits = Mapping[_HostPlace, _Edit]


class RouteTable:
    """The RouteConfiguration of one group of listeners.

    Attributes:
        shape: what it was made for.
        configuration: the RouteConfiguration as it is now.
        attached: what the routes of the listeners came to.
    """

    def __init__(self, gateway: ApiObject[GatewaySpec], group: HostGroup, before: RouteTable | None = None) -> None:
        """Write the RouteConfiguration as a whole.

        Args:
            gateway: whose listeners they are.
            group: the listeners.
            before: the table that was there under the name, with another shape.
        """
        self.shape = shape_of(gateway, group)
        self._gateway = gateway
        self._head = _head(gateway, self.shape)
        self._hostnames = ListenerHostnames(group.listeners, group.elsewhere)
        self._hosts = self._shields(group.listeners)
        self._shielded = set(self._hosts)
        self.attached: dict[tuple[str, ObjectKey], Attachment] = {}
        self._seen: dict[str, Revision[ObjectKey, AttachedRoute]] = {}
        # What a route is written as depends on how its listener is reached, too.
        known = before.attached if before is not None and before.shape.served_at == group.served_at else {}
        self._apply(self._edits(group.listeners, known))
        self.configuration: RouteConfiguration = self._whole(before.configuration if before else None)

    def update(self, listeners: Iterable[ResolvedListener]) -> RouteConfiguration:
        """Return the RouteConfiguration with the routes that some of its listeners have now.

        Args:
            listeners: at least those that have others than before; the shape is the same.
        """
        edits = self._edits(listeners, {})
        self._apply(edits)
        self._publish(*self._served({hostname for _, hostname in edits}))
        return self.configuration

    def followed(self, gateway: ApiObject[GatewaySpec], group: HostGroup) -> RouteTable:
        """Return the table for what the group is now: this very one where some of its listeners are all that differs.

        Args:
            gateway: whose listeners they are.
            group: all of them.
        """
        shape = shape_of(gateway, group)
        hostnames = ListenerHostnames(group.listeners, group.elsewhere)
        others = hostnames.of_others_than(self._hostnames)
        if not _is_followed(self.shape, shape) or any("*" in each for each in others):
            return RouteTable(gateway, group, self)
        reheaded = shape.heads.listeners_other_than(self.shape.heads)
        if shape.heads.of_all != self.shape.heads.of_all:
            self._head = _head(gateway, shape)
        before, self._hostnames, self.shape, self._gateway = self._hostnames, hostnames, shape, gateway
        known, gone = self._let_go({place for each in others for place in before.covering(each)})
        concerned = {place for each in others for place in hostnames.covering(each)}
        changed = self._with_other_routes(group.listeners)
        shields = self._shields(each for each in changed if (each.name, each.hostname) in concerned)
        self._hosts |= shields
        self._shielded |= shields.keys()
        edits = self._edits(changed, known)
        self._apply(edits)
        other_heads = [at for name in reheaded for at in self._hosts_of(name)]
        for at in other_heads:
            self._hosts[at] = self._hosts[at].with_head(self._empty_host(*at))
        there, empty = self._served({hostname for _, hostname in (*edits, *shields, *other_heads)})
        there |= {each.name: each for each in self._fixed_hosts()}
        self._publish(there, (gone | empty) - there.keys())
        return self

    def _hosts_of(self, listener: str) -> set[_HostPlace]:
        """Return the virtual hosts that a listener has: those of its routes, and the one it may be shielded by."""
        routes = (self.attached.get((listener, key), _NOWHERE) for key in self._seen.get(listener, ()))
        hostnames = {hostname for attachment in routes for hostname in attachment.at}
        hostnames.update(hostname for name, hostname in self.shape.hostnames if name == listener)
        return {(listener, hostname) for hostname in hostnames} & self._hosts.keys()

    def _empty_host(self, listener: str, hostname: str) -> SortedRoutes:
        heads = self.shape.heads
        to_backends = heads.to_backends.get(listener, NOTHING_ASKED)
        in_force = heads.of_listener(listener)
        counts = self.shape.counts_hosts
        return empty_virtual_host(self._gateway, listener, hostname, in_force, to_backends, counts=counts)

    def _let_go(self, places: Iterable[_HostPlace]) -> tuple[_Attachments, set[str]]:
        """Take some listeners out; return what their routes came to, and the names of the virtual hosts they had."""
        known: dict[tuple[str, ObjectKey], Attachment] = {}
        gone: set[str] = set()
        for listener, hostname in places:
            routes = ((listener, key) for key in self._seen.pop(listener, ()))
            found = {at: self.attached.pop(at) for at in routes if at in self.attached}
            known |= found
            held = {hostname}.union(*(attachment.at for attachment in found.values()))
            hosts = (self._hosts.pop((listener, each), None) for each in held)
            gone.update(each.host.name for each in hosts if each is not None)
            self._shielded.discard((listener, hostname))
        return known, gone

    def _with_other_routes(self, listeners: tuple[ResolvedListener, ...]) -> list[ResolvedListener]:
        """Return the listeners that have other routes than were seen, or are new; by the interpreter alone."""
        seen = map(self._seen.get, map(attrgetter("name"), listeners))
        return list(compress(listeners, map(is_not, map(attrgetter("routes"), listeners), seen)))

    def _shields(self, listeners: Iterable[ResolvedListener]) -> dict[_HostPlace, SortedRoutes]:
        """Write the virtual hosts that some listeners must have, without routes."""
        open_ = (each for each in listeners if each.hostname not in self.shape.denied)
        return {
            (each.name, each.hostname): self._empty_host(each.name, each.hostname)
            for each in open_
            if self._hostnames.is_shielded(each)
        }

    def _publish(self, there: Mapping[str, VirtualHost], gone: Iterable[str]) -> None:
        """Put virtual hosts in by name, and take others out."""
        before = self.configuration
        hosts = before.virtual_hosts
        edited = hosts.edited({name: keep_equal(hosts.by_name.get(name), each) for name, each in there.items()}, gone)
        if edited is not hosts or self._head != (before.head, before.sources):
            self.configuration = RouteConfiguration(before.name, self._head[0], edited, self._head[1])

    def _whole(self, before: RouteConfiguration | None) -> RouteConfiguration:
        virtual_hosts = before.virtual_hosts if before else VirtualHosts()
        known = virtual_hosts.by_name
        for at, each in self._hosts.items():
            self._hosts[at] = SortedRoutes(keep_equal(known.get(each.host.name), each.host), each.places)
        served, _ = self._served({hostname for _, hostname in self._hosts})
        served |= {each.name: keep_equal(known.get(each.name), each) for each in self._fixed_hosts()}
        hosts = virtual_hosts.edited(served, known.keys() - served.keys())
        return keep_equal(before, RouteConfiguration(self.shape.name, self._head[0], hosts, self._head[1]))

    def _fixed_hosts(self) -> Iterator[VirtualHost]:
        filters = disabled_filters(self.shape.served_at.gateway) if self.shape.heads.of_all else NO_CONFIGS
        if self.shape.denied:
            yield error_virtual_host(self.shape.denied, (self._gateway.key,), filters)
        if self.shape.elsewhere:
            yield misdirected_virtual_host(self.shape.elsewhere, self._gateway.key, filters)

    def _edits(self, listeners: Iterable[ResolvedListener], known: _Attachments) -> _Edits:
        """Write the routes that are others than before, and return what that changes."""
        edits: defaultdict[tuple[str, str], _Edit] = defaultdict(_Edit)
        for listener in listeners:
            for key in listener.routes.changed_since(self._seen.get(listener.name)):
                at = listener.name, key
                before = self.attached.pop(at, _NOWHERE)
                now = self._attach(listener, listener.routes.get(key), known.get(at, before))
                if now is not _NOWHERE:
                    self.attached[at] = now
                for hostname in before.at.keys() | now.at.keys():
                    _note(edits, (listener.name, hostname), before.at.get(hostname, ()), now.at.get(hostname, ()))
            self._seen[listener.name] = listener.routes
        return edits

    def _attach(self, listener: ResolvedListener, attached: AttachedRoute | None, known: Attachment) -> Attachment:
        """Write a route at a listener, as far as it is not known from before."""
        if attached is None or listener.hostname in self.shape.denied:
            return _NOWHERE
        hostnames = self._hostnames.kept(listener, attached.hostnames)
        to_backends = self.shape.to_backends.get(listener.name, NOTHING_ASKED)
        is_known = attached.route is known.route and (attached.merged, to_backends) == (known.merged, known.to_backends)
        missing = tuple(hostname for hostname in hostnames if not is_known or hostname not in known.at)
        # A table of another shape takes most over as it is: to begin with a route costs more than to write it.
        found = translate_route(attached, missing, self.shape.served_at, to_backends) if missing else ()
        written = dict(zip(missing, found, strict=True))
        at = {
            name: _kept(known.at.get(name, ()), written[name]) if name in written else known.at[name]
            for name in hostnames
        }
        return Attachment(attached.route, at, attached.merged, to_backends)

    def _apply(self, edits: _Edits) -> None:
        for at, edit in edits.items():
            host = self._hosts.get(at) or self._empty_host(*at)
            edited = host.edited(edit.removed, edit.added)
            if edited.places or at in self._shielded:
                self._hosts[at] = edited
            else:
                self._hosts.pop(at, None)

    def _served(self, hostnames: Iterable[str]) -> tuple[dict[str, VirtualHost], set[str]]:
        """Return the virtual hosts of some hostnames by name, and the names of those that are none."""
        there: dict[str, VirtualHost] = {}
        gone: set[str] = set()
        for hostname in hostnames:
            is_taken = False
            for listener in self._hostnames.sharing(hostname):
                found = self._hosts.get((listener, hostname))
                if found is None or is_taken:
                    gone.add(self._name(listener, hostname))
                else:
                    there[found.host.name] = found.host
                    is_taken = True
        return there, gone

    def _name(self, listener: str, hostname: str) -> str:
        key = self._gateway.key
        return names.virtual_host_name(names.listener_name(key.namespace, key.name, listener), hostname)


def _head(gateway: ApiObject[GatewaySpec], shape: TableShape) -> tuple[bytes, tuple[ObjectKey, ...]]:
    """Write a RouteConfiguration without its virtual hosts; return what it is made from, too."""
    in_force = shape.heads.of_all
    message = route_pb2.RouteConfiguration(
        name=shape.name,
        ignore_port_in_host_matching=True,
        typed_per_filter_config=configs_of_listener(in_force, shape.served_at.gateway),
    )
    gateways = sorted({gateway_of(gateway.key, listener) for listener, _ in shape.hostnames})
    return encode(message), (*gateways, *policies_of(in_force))


def _is_followed(before: TableShape, now: TableShape) -> bool:
    """Tell whether a table of one shape goes on with another, as far as hostnames do not decide."""
    return replace(before, hostnames=(), heads=PolicyHeads()) == replace(now, hostnames=(), heads=PolicyHeads())


def _note(edits: Mapping[tuple[str, str], _Edit], at: tuple[str, str], before: PlacedRoutes, now: PlacedRoutes) -> None:
    if before is not now:
        edits[at].removed.extend(before)
        edits[at].added.extend(now)


def _kept(before: PlacedRoutes, now: PlacedRoutes) -> PlacedRoutes:
    """Return the routes of now, with the objects of before where they are equal."""
    if not before:
        return now
    known = {each.route.name: each.route for each in before}
    kept = tuple(PlacedRoute(place, keep_equal(known.get(route.name), route)) for place, route in now)
    return keep_equal(before, kept)
