"""The endpoints of a cluster, whether EDS delivers them or a DNS cluster holds them inline. Pure.

Each endpoint is encoded once, and joined from then on: protobuf fields concatenate. So one address that changes among a
thousand costs one, and the interpreter's walk over the others.

Envoy has an address once in a cluster. Where two backends have an address in common it would count for the first of
them, and the other would lose its share of it. So the addresses of such backends are parted into those that the same
backends have, a locality for each part, which gets from every backend of its own what that gives to an endpoint, times
how many there are (Gateway API, BackendRef.weight):

    a: {x, y} of weight 1, b: {y} of weight 1     {x} gets 1/2, {y} 1/2 + 1

Where zones matter, a cluster is that of one backend, and its localities are zones, named by nothing else: Envoy knows
its own zone by that, if somebody told it. A zone has the weight that a policy says, and any other counts once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from itertools import chain, repeat
from operator import attrgetter

from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.core.v3.base_pb2 import Locality
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds import names
from egxds.model.api.backend_traffic.load_balancer import ZoneAware
from egxds.model.resolve.resolved import ResolvedBackend
from egxds.model.resolve.upstreams import EndpointAddress, EndpointsKey, EndpointTable, PipeAddress, Place
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode, field_bytes
from egxds.resources.resource import Resource
from egxds.translate.backends.destinations import ClusterPlan
from egxds.translate.metadata import Origin, add_origins

_LOCALITY_ENDPOINTS = 2
_ASSIGNMENT_LOCALITIES = 2
_REMEMBERED_ENDPOINTS = 16384
_FINEST_SHARE = 1_000_000
"""Into how many parts the traffic of a cluster is divided where its backends have endpoints in common."""

_ZONE, _HOSTNAME = attrgetter("zone"), attrgetter("hostname")

_Found = Sequence[tuple[ResolvedBackend, Sequence[EndpointAddress]]]
"""Backends with their endpoints, at least one each."""


def load_assignment(plan: ClusterPlan, endpoints: EndpointTable, check_port: int = 0) -> bytes:
    """Write the endpoints of a cluster: one locality per backend, also where none of them has endpoints.

    A locality's region is the backend's name: localities of one name would be taken as one. Where several backends have
    its endpoints, the others stand in its sub-zone. Its metadata names the Service or Backend. Extension servers of
    Envoy Gateway know a backend by all of that, also one that they are to find the endpoints of.

    Args:
        plan: the cluster.
        endpoints: of all backends.
        check_port: where they are asked whether they are up; 0 for where they are asked anything.

    Returns:
        An encoded ClusterLoadAssignment.
    """
    # Either all of them have endpoints or none has: a cluster holds no others (`destinations`).
    part = partial(_zones, plan.zones) if plan.zones is not None else _parts
    active = part(plan.backends, endpoints, frozenset())
    active = active or [_Part((backend,), (), backend.weight) for backend in plan.backends]
    taken = frozenset(each.place for found in active for each in found.addresses) if plan.fallbacks else frozenset()
    fallback = part(plan.fallbacks, endpoints, taken)
    localities = [_locality(plan.rule, each, 0, check_port) for each in active]
    localities += [_locality(plan.rule, each, 1, check_port) for each in fallback]
    return encode(ClusterLoadAssignment(cluster_name=plan.name)) + b"".join(localities)


def translate_endpoints(
    plan: ClusterPlan, sources: tuple[ObjectKey, ...], endpoints: EndpointTable, check_port: int = 0
) -> Resource:
    """Write the endpoints of an EDS cluster.

    One without endpoints has an assignment without any, so that Envoy answers 503 at once instead of waiting for one.

    Args:
        plan: a cluster that is not resolved by DNS.
        sources: the objects the cluster was made from.
        endpoints: of all backends.
        check_port: where they are asked whether they are up; 0 for where they are asked anything.
    """
    return Resource(names.ENDPOINT, plan.name, load_assignment(plan, endpoints, check_port), sources)


@dataclass(frozen=True, slots=True)
class _Part:
    """Endpoints that stand in one locality.

    Attributes:
        backends: those that have them, at least one.
        addresses: none where the backend has none.
        weight: against other parts of the same priority.
        zone: that it is named by; None where it is named by the backends.
    """

    backends: tuple[ResolvedBackend, ...]
    addresses: Sequence[EndpointAddress]
    weight: int
    zone: str | None = None


def _parts(
    backends: Iterable[ResolvedBackend],
    endpoints: EndpointTable,
    taken: frozenset[Place],
) -> list[_Part]:
    """Part the endpoints of some backends, those aside that are taken."""
    there = _there(backends, endpoints, taken)
    if _have_in_common(there):
        return _finer_parts(there)
    return [_Part((backend,), found, backend.weight) for backend, found in there]


def _there(backends: Iterable[ResolvedBackend], endpoints: EndpointTable, taken: frozenset[Place]) -> _Found:
    listed = [(backend, endpoints[backend.endpoints]) for backend in backends if backend.endpoints is not None]
    if taken:
        listed = [(backend, tuple(each for each in found if each.place not in taken)) for backend, found in listed]
    return [(backend, found) for backend, found in listed if found]


def _zones(
    zones: ZoneAware, backends: Iterable[ResolvedBackend], endpoints: EndpointTable, taken: frozenset[Place]
) -> list[_Part]:
    """Part the endpoints of some backends by their zones."""
    there = _there(backends, endpoints, taken)
    known = {each.place: each for _, found in reversed(there) for each in found}
    by_zone: defaultdict[str, list[EndpointAddress]] = defaultdict(list)
    for _, address in sorted(known.items()):
        by_zone[address.zone].append(address)
    weights = {each.zone: each.weight for each in zones.weighted_zones}
    owners = tuple(backend for backend, _ in there)
    return [_Part(owners, found, weights.get(zone, 1), zone) for zone, found in sorted(by_zone.items())]


def _have_in_common(there: _Found) -> bool:
    if len(there) <= 1:
        return False
    every = [*chain.from_iterable(found for _, found in there)]
    # Equal endpoints are at one place, and it is the interpreter that goes over them.
    says_nothing_else = not any(map(_ZONE, every)) and not any(map(_HOSTNAME, every))
    return len(set(every) if says_nothing_else else {each.place for each in every}) < len(every)


def _finer_parts(there: _Found) -> list[_Part]:
    """Part the endpoints of backends that have some in common."""
    backends = {backend.index: backend for backend, _ in there}
    holders: defaultdict[Place, list[int]] = defaultdict(list)
    known: dict[Place, EndpointAddress] = {}
    share = {backend.index: Fraction(backend.weight, len(found)) for backend, found in there}
    for backend, found in there:
        for address in found:
            holders[address.place].append(backend.index)
            known.setdefault(address.place, address)
    parts: defaultdict[tuple[int, ...], list[EndpointAddress]] = defaultdict(list)
    for place, indices in holders.items():
        parts[tuple(indices)].append(known[place])
    weights = {key: len(found) * sum(share[index] for index in key) for key, found in parts.items()}
    unit = sum(weights.values()) / _FINEST_SHARE
    return [
        _Part(tuple(map(backends.__getitem__, key)), parts[key], max(1, round(weight / unit)))
        for key, weight in sorted(weights.items())
    ]


def _locality(rule: str, part: _Part, priority: int, check_port: int) -> bytes:
    """Return one locality as it stands inside an encoded assignment: fields in the order of their numbers."""
    region, *others = (names.backend_name(rule, backend.index) for backend in part.backends)
    by_backends = Locality(region=region, sub_zone="+".join(others))
    locality = Locality(zone=part.zone) if part.zone is not None else by_backends
    behind = LocalityLbEndpoints(priority=priority)
    # A locality without a weight gets nothing, and Envoy takes no 0.
    if part.weight:
        behind.load_balancing_weight.CopyFrom(UInt32Value(value=part.weight))
    origins = [_origin(backend.endpoints) for backend in part.backends if backend.endpoints is not None]
    if origins:
        add_origins(behind.metadata, origins)
    endpoints = b"".join(map(encode_endpoint, part.addresses, repeat(check_port)))
    head = encode(LocalityLbEndpoints(locality=locality))
    return field_bytes(_ASSIGNMENT_LOCALITIES, head + endpoints + encode(behind))


def _origin(key: EndpointsKey) -> Origin:
    """Name a Service by its port, and a Backend, which has none."""
    return Origin(key.backend.kind, key.backend.namespace, key.backend.name, str(key.port or ""))


@lru_cache(maxsize=_REMEMBERED_ENDPOINTS)
def encode_endpoint(address: EndpointAddress, check_port: int = 0) -> bytes:
    """Return one endpoint as it stands inside an encoded locality; its weight is Envoy's own, said for extensions."""
    endpoint = LbEndpoint(
        endpoint=Endpoint(address=_address(address), hostname=address.hostname),
        load_balancing_weight=UInt32Value(value=1),
    )
    if check_port:
        endpoint.endpoint.health_check_config.port_value = check_port
    return field_bytes(_LOCALITY_ENDPOINTS, encode(endpoint))


def _address(address: EndpointAddress) -> Address:
    if isinstance(address, PipeAddress):
        return Address(pipe=Pipe(path=address.path))
    return Address(socket_address=SocketAddress(address=address.address, port_value=address.port))
