"""The endpoints of a cluster, whether EDS delivers them or a DNS cluster holds them inline. Pure.

Each endpoint is encoded once, and joined from then on: protobuf fields concatenate. So one address that changes among a
thousand costs one, and the interpreter's walk over the others.
"""

from __future__ import annotations

from functools import lru_cache

from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.core.v3.base_pb2 import Locality
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds import names
from egxds.model.resolve import resolved
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode, field_bytes
from egxds.resources.resource import Resource
from egxds.translate.backends.destinations import ClusterPlan

_LOCALITY_ENDPOINTS = 2
_ASSIGNMENT_LOCALITIES = 2
_REMEMBERED_ENDPOINTS = 16384


def load_assignment(plan: ClusterPlan, endpoints: resolved.EndpointTable) -> bytes:
    """Write the endpoints of a cluster: one locality per backend, none for a backend without endpoints.

    A locality's region is the backend's name: localities of one name would be taken as one.

    Args:
        plan: the cluster.
        endpoints: of all backends.

    Returns:
        An encoded ClusterLoadAssignment.
    """
    found = [(backend, endpoints[backend.endpoints]) for backend in plan.backends if backend.endpoints is not None]
    localities = [_locality(plan, backend, addresses) for backend, addresses in found if addresses]
    return encode(ClusterLoadAssignment(cluster_name=plan.name)) + b"".join(localities)


def translate_endpoints(
    plan: ClusterPlan, sources: tuple[ObjectKey, ...], endpoints: resolved.EndpointTable
) -> Resource:
    """Write the endpoints of an EDS cluster.

    One without endpoints has an empty assignment, so that Envoy answers 503 at once instead of waiting for one.

    Args:
        plan: a cluster that is not resolved by DNS.
        sources: the objects the cluster was made from.
        endpoints: of all backends.
    """
    return Resource(names.ENDPOINT, plan.name, load_assignment(plan, endpoints), sources)


def _locality(
    plan: ClusterPlan, backend: resolved.ResolvedBackend, addresses: tuple[resolved.EndpointAddress, ...]
) -> bytes:
    """Return one locality as it stands inside an encoded assignment: fields in the order of their numbers."""
    alone = len(plan.backends) == 1
    region = encode(LocalityLbEndpoints(locality=Locality(region=names.backend_name(plan.rule, backend.index))))
    weight = UInt32Value(value=1 if alone else backend.weight)
    weighted = encode(LocalityLbEndpoints(load_balancing_weight=weight))
    return field_bytes(_ASSIGNMENT_LOCALITIES, region + b"".join(map(encode_endpoint, addresses)) + weighted)


@lru_cache(maxsize=_REMEMBERED_ENDPOINTS)
def encode_endpoint(address: resolved.EndpointAddress) -> bytes:
    """Return one endpoint as it stands inside an encoded locality."""
    return field_bytes(_LOCALITY_ENDPOINTS, encode(LbEndpoint(endpoint=Endpoint(address=_address(address)))))


def _address(address: resolved.EndpointAddress) -> Address:
    if isinstance(address, resolved.PipeAddress):
        return Address(pipe=Pipe(path=address.path))
    return Address(socket_address=SocketAddress(address=address.address, port_value=address.port))
