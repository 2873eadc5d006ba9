"""The endpoints of every backend that a route refers to, apart from the routes. Pure; looks again at what changed.

What a route holds of the endpoints of a backend is where to find them and which shape they have. So a change of
addresses is a change in this table and nowhere else; where the shape changes with it (the first that is ready comes,
the last one goes, a name stands where an address stood, one is closed to backends), the routes with that backend are
followed again.

An entry lives as long as routes refer to it, which is counted up and down as they are followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.backends import (
    BACKEND,
    SERVICE,
    BackendEndpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSliceBody,
    ServicePort,
    ServiceSpec,
)
from egxds.model.resolve.closed_addresses import ClosedAddresses
from egxds.model.resolve.closed_ranges import closed_ranges
from egxds.model.resolve.dependents import Dependents, Query, SlicesOf
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolve.upstreams import (
    EndpointAddress,
    EndpointsKey,
    EndpointsShape,
    EndpointTable,
    PipeAddress,
    Place,
    SocketAddress,
)

Addresses = tuple[EndpointAddress, ...]


class EndpointBook:
    """Knows the endpoints of every backend that is referred to.

    Attributes:
        table: as it was last published.
    """

    def __init__(self, index: ObjectIndex, closed: ClosedAddresses) -> None:
        """Start with no backend referred to.

        Args:
            index: finds the objects.
            closed: addresses that no backend may have.
        """
        self._closed = closed
        self._refusals: dict[EndpointsKey, str] = {}
        self.table: EndpointTable = Revision()
        self._index = index
        self.closed_ranges = closed_ranges(closed)
        self._users: Counter[EndpointsKey] = Counter()
        self._dependents: Dependents[EndpointsKey] = Dependents()
        self._fresh: dict[EndpointsKey, Addresses] = {}
        self._empty: dict[EndpointsKey, EndpointsShape] = {}
        self._unused: set[EndpointsKey] = set()

    def refresh(self, changed: Iterable[Query]) -> frozenset[EndpointsKey]:
        """Look again at what is behind backends.

        Args:
            changed: questions that have another answer than before.

        Returns:
            Those of which the shape is another.
        """
        return frozenset(key for key in self._dependents.readers(changed) if self._changes_shape(key))

    def shape(self, key: EndpointsKey) -> EndpointsShape:
        """Return what of its endpoints decides how a backend is served."""
        return self._shape(key, self._addresses(key))

    def refusal(self, key: EndpointsKey) -> str:
        """Say which of its addresses a backend may not have, so that it gets no traffic; empty where it may."""
        self._addresses(key)
        return self._refusals.get(key, "")

    def use(self, before: Collection[EndpointsKey], now: Collection[EndpointsKey]) -> None:
        """Note that a route refers to other backends than before, each named once."""
        for key in now:
            self._users[key] += 1
            if self._users[key] == 1:
                self._dependents.note(key, _queries(key))
        for key in before:
            self._users[key] -= 1
            if not self._users[key]:
                self._unused.add(key)

    def publish(self) -> EndpointTable:
        """Return the endpoints of all backends that routes refer to now."""
        unused = [key for key in self._unused if not self._users[key]]
        for key in unused:
            del self._users[key]
            self._dependents.forget(key)
            self._empty.pop(key, None)
            self._refusals.pop(key, None)
        fresh = {key: addresses for key, addresses in self._fresh.items() if key in self._users}
        self.table = self.table.edited(fresh, unused)
        self._fresh, self._unused = {}, set()
        return self.table

    def _addresses(self, key: EndpointsKey) -> Addresses:
        if key not in self.table and key not in self._fresh:
            self._fresh[key] = self._look(key)
        return self._fresh[key] if key in self._fresh else self.table[key]

    def _changes_shape(self, key: EndpointsKey) -> bool:
        before = self.table[key]
        shape_before, refusal_before = self._shape(key, before), self.refusal(key)
        self._fresh[key] = keep_equal(before, self._look(key))
        return shape_before is not self._shape(key, self._fresh[key]) or refusal_before != self.refusal(key)

    def _look(self, key: EndpointsKey) -> Addresses:
        """Look up the endpoints of a backend, and where there are none, why."""
        addresses = addresses_of(key, self._index)
        refusal = next(filter(None, map(self._closed.refusal, addresses)), "")
        self._refusals.pop(key, None)
        if refusal:
            self._refusals[key], self._empty[key] = refusal, EndpointsShape.CLOSED
            return ()
        if addresses:
            self._empty.pop(key, None)
        else:
            self._empty[key] = why_empty(key, self._index)
        return addresses

    def _shape(self, key: EndpointsKey, addresses: Addresses) -> EndpointsShape:
        return shape_of(addresses) if addresses else self._empty[key]


def _queries(key: EndpointsKey) -> Iterator[Query]:
    yield key.backend
    # Asked of any kind: nothing but a Service ever has an answer.
    yield SlicesOf(key.backend)


def shape_of(addresses: Addresses) -> EndpointsShape:
    """Return what of some endpoints decides how their backend is served; at least one."""
    if any(isinstance(address, SocketAddress) and address.is_hostname for address in addresses):
        return EndpointsShape.HOSTNAMES
    if any(isinstance(address, PipeAddress) for address in addresses):
        return EndpointsShape.PIPES
    return EndpointsShape.ADDRESSES


def why_empty(key: EndpointsKey, index: ObjectIndex) -> EndpointsShape:
    """Say why a backend has no endpoints."""
    backend = index.state.of(BACKEND).get(key.backend)
    if backend is not None and backend.content.is_dynamic:
        return EndpointsShape.DYNAMIC
    slices = index.slices(key.backend)
    if not slices:
        return EndpointsShape.UNKNOWN
    port = _port_of(key, index)
    has_port = port is not None and any(_slice_port(each.ports, port) is not None for each in slices)
    return EndpointsShape.NONE_READY if has_port else EndpointsShape.NO_PORT


def addresses_of(key: EndpointsKey, index: ObjectIndex) -> Addresses:
    """Return the endpoints of a backend, sorted, without doubles; none where it is not there."""
    backend = index.state.of(BACKEND).get(key.backend)
    if backend is not None:
        return _ordered(map(address_of, backend.content.endpoints))
    port = _port_of(key, index)
    if port is None:
        return ()
    slices = index.slices(key.backend)
    ready = _ordered(endpoint for each in slices for endpoint in _slice_endpoints(each, port, _is_ready))
    # As kube-proxy has it (KEP-1669): who is on the way out but still serves is better than nobody.
    return ready or _ordered(endpoint for each in slices for endpoint in _slice_endpoints(each, port, _is_leaving))


def _port_of(key: EndpointsKey, index: ObjectIndex) -> ServicePort | None:
    service = index.state.of(SERVICE).get(key.backend)
    return service_port(service.content, key.port, key.transport) if service is not None else None


def service_port(service: ServiceSpec, number: int | None, transport: Transport) -> ServicePort | None:
    """Return the port of a Service that has a number, for a transport."""
    return next((port for port in service.ports if (port.port, port.protocol) == (number, transport.value)), None)


def address_of(endpoint: BackendEndpoint) -> EndpointAddress:
    """Return the one address of an endpoint of a Backend."""
    hostname, zone = endpoint.hostname or "", endpoint.zone or ""
    if endpoint.ip is not None:
        return SocketAddress(endpoint.ip.address, endpoint.ip.port, hostname=hostname, zone=zone)
    if endpoint.fqdn is not None:
        return SocketAddress(endpoint.fqdn.hostname, endpoint.fqdn.port, True, hostname, zone)
    if endpoint.unix is not None:
        return PipeAddress(endpoint.unix.path, hostname, zone)
    raise ValueError("an endpoint without an address was accepted")


def _is_ready(conditions: EndpointConditions) -> bool:
    """Whether an endpoint takes traffic; one that does not say so does."""
    return conditions.ready is not False


def _is_leaving(conditions: EndpointConditions) -> bool:
    """Whether an endpoint that is not ready any more still serves."""
    return conditions.terminating is True and conditions.serving is not False


def _slice_endpoints(
    slice_: EndpointSliceBody, port: ServicePort, takes_traffic: Callable[[EndpointConditions], bool]
) -> Iterator[EndpointAddress]:
    number = _slice_port(slice_.ports, port)
    if number is None:
        return
    for endpoint in slice_.endpoints:
        if takes_traffic(endpoint.conditions):
            is_hostname = slice_.address_type == "FQDN"
            yield SocketAddress(endpoint.addresses[0], number, is_hostname, zone=endpoint.zone or "")


def _slice_port(ports: Iterable[EndpointPort], wanted: ServicePort) -> int | None:
    """Find the port of a slice that is meant by a port of its Service.

    The names decide. Where one side has none, as is common in files written by hand, the number does; and where
    neither has one, the only port of the slice is meant, whatever its number.
    """
    target = wanted.target_port if isinstance(wanted.target_port, int) else wanted.port
    served = [port for port in ports if port.protocol == wanted.protocol]
    same_name = [port for port in served if port.name == wanted.name]
    if same_name and wanted.name:
        return same_name[0].port or target
    by_number = [port for port in served if not (port.name and wanted.name) and port.port in (target, None)]
    chosen = by_number or same_name
    return (chosen[0].port or target) if chosen else None


def _ordered(endpoints: Iterable[EndpointAddress]) -> Addresses:
    """Return endpoints in order, each place once: what is said first of it counts."""
    first: dict[Place, EndpointAddress] = {}
    for each in endpoints:
        first.setdefault(each.place, each)
    return tuple(first[place] for place in sorted(first))
