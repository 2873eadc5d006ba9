"""The endpoints of a cluster, whether EDS delivers them or a DNS cluster holds them inline. Pure."""

from __future__ import annotations

from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.core.v3.base_pb2 import Locality
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds import names
from egxds.model.resolve import resolved
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource
from egxds.translate.backends.destinations import ClusterPlan


def load_assignment(plan: ClusterPlan, endpoints: resolved.EndpointTable) -> ClusterLoadAssignment:
    """Write the endpoints of a cluster: one locality per backend, none for a backend without endpoints.

    A locality's region is the backend's name: localities of one name would be taken as one.

    Args:
        plan: the cluster.
        endpoints: of all backends.
    """
    alone = len(plan.backends) == 1
    found = [(backend, endpoints[backend.endpoints]) for backend in plan.backends if backend.endpoints is not None]
    localities = [
        LocalityLbEndpoints(
            locality=Locality(region=names.backend_name(plan.rule, backend.index)),
            load_balancing_weight=UInt32Value(value=1 if alone else backend.weight),
            lb_endpoints=[_endpoint(address) for address in addresses],
        )
        for backend, addresses in found
        if addresses
    ]
    return ClusterLoadAssignment(cluster_name=plan.name, endpoints=localities)


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
    return Resource(names.ENDPOINT, plan.name, encode(load_assignment(plan, endpoints)), sources)


def _endpoint(address: resolved.EndpointAddress) -> LbEndpoint:
    return LbEndpoint(endpoint=Endpoint(address=_address(address)))


def _address(address: resolved.EndpointAddress) -> Address:
    if isinstance(address, resolved.PipeAddress):
        return Address(pipe=Pipe(path=address.path))
    return Address(socket_address=SocketAddress(address=address.address, port_value=address.port))
