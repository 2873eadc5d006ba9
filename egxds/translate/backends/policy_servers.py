"""Servers that policies name, of keys or to decide who gets in → Envoy clusters, which hold their endpoints. Pure.

Several policies may have keys from one server, which has one cluster then. Nobody is shown a certificate of the
Gateway there: it is for backends.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds import names
from egxds.model.resolve.features.policy_servers import PolicyServer
from egxds.model.resolve.upstreams import Authorities, EndpointAddress, PipeAddress
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.backends.rules import WrittenCluster
from egxds.translate.backends.upstream_http import follow_tls
from egxds.translate.tls import upstream_socket

_CONNECT_TIMEOUT_S = 10
_BUFFER_LIMIT_BYTES = 32768


def write_policy_server(server: PolicyServer, sources: Iterable[ObjectKey]) -> WrittenCluster:
    """Write the cluster of a server.

    Args:
        server: the server.
        sources: the policies that have it asked.
    """
    cluster = Cluster(
        name=server.cluster,
        connect_timeout=Duration(seconds=_CONNECT_TIMEOUT_S),
        per_connection_buffer_limit_bytes=UInt32Value(value=_BUFFER_LIMIT_BYTES),
        dns_lookup_family=Cluster.V4_PREFERRED,
        type=Cluster.STRICT_DNS if any(map(_is_name, server.addresses)) else Cluster.STATIC,
        load_assignment=_load_assignment(server),
    )
    draft = ClusterDraft(cluster, server.protocol)
    if server.tls is not None:
        cluster.transport_socket.CopyFrom(upstream_socket(server.tls, server.protocol, ""))
        follow_tls(draft, server.tls)
    draft.finish()
    resource = Resource(names.CLUSTER, server.cluster, encode(cluster), tuple(sorted({*sources})))
    found = server.tls.authorities if server.tls is not None else None
    shown = server.tls.agreed.shown if server.tls is not None else None
    return WrittenCluster(resource, None, (), b"", found if isinstance(found, Authorities) else None, shown)


def _is_name(address: EndpointAddress) -> bool:
    return not isinstance(address, PipeAddress) and address.is_hostname


def _load_assignment(server: PolicyServer) -> ClusterLoadAssignment:
    endpoints = [LbEndpoint(endpoint=Endpoint(address=_address(each))) for each in server.addresses]
    return ClusterLoadAssignment(
        cluster_name=server.cluster, endpoints=[LocalityLbEndpoints(lb_endpoints=endpoints)] if endpoints else []
    )


def _address(address: EndpointAddress) -> Address:
    if isinstance(address, PipeAddress):
        return Address(pipe=Pipe(path=address.path))
    return Address(socket_address=SocketAddress(address=address.address, port_value=address.port))
