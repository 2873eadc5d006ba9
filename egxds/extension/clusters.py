"""A cluster for a service that a filter asks, such as an authorization server or a rate limiter. Pure; for users.

    service_cluster("authz", "127.0.0.1:9000", http2=True)
    service_cluster("authz", "authz.example:443", http2=True, tls=Tls())

Filters name clusters; those that are no backend of any route come from the Translation hook, which appends them to
`resources.clusters`.

    127.0.0.1:9000, [::1]:9000     STATIC        that address
    authz.example:443              STRICT_DNS    all addresses of the name
    unix:/run/authz.sock           STATIC        a Unix socket
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.core.v3.base_pb2 import DataSource, TransportSocket
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext, SubjectAltNameMatcher
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, UpstreamTlsContext
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from egxds.extension.typed_config import typed_config

_UNIX = "unix:"
_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CONNECT_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True)
class Tls:
    """How a service is spoken to over TLS; its certificate is always checked.

    Attributes:
        server_name: what its certificate must be for, and what it is asked for; else the host of the address.
        ca_file: of the machine that Envoy runs on: certificates that it is checked with.
    """

    server_name: str = ""
    ca_file: str = "/etc/ssl/certs/ca-certificates.crt"


def service_cluster(name: str, address: str, *, http2: bool = False, tls: Tls | None = None) -> Cluster:
    """Make a cluster of one service.

    Args:
        name: of the cluster, which filters name.
        address: `host:port`, or `unix:/path`.
        http2: whether it is spoken to in HTTP/2, as gRPC must be.
        tls: how, over TLS; without it in the clear.

    Raises:
        ValueError: the address is none, or there is no name that a certificate could be for.
    """
    host, place = _parse(address)
    kind = Cluster.STATIC if _is_fixed(host) else Cluster.STRICT_DNS
    endpoint = LbEndpoint(endpoint=Endpoint(address=place))
    assignment = ClusterLoadAssignment(cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])])
    cluster = Cluster(name=name, type=kind, load_assignment=assignment)
    cluster.connect_timeout.FromSeconds(_CONNECT_TIMEOUT_S)
    if http2:
        cluster.typed_extension_protocol_options[_PROTOCOL_OPTIONS].CopyFrom(typed_config(_http2_options()))
    if tls is not None:
        cluster.transport_socket.CopyFrom(_tls_socket(tls, tls.server_name or host))
    return cluster


def grpc_service(cluster: str, timeout_s: float = 1.0) -> GrpcService:
    """Say that a filter asks a cluster over gRPC.

    Args:
        cluster: name of the cluster.
        timeout_s: how long one call may take.
    """
    service = GrpcService(envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=cluster))
    service.timeout.FromMilliseconds(round(timeout_s * 1000))
    return service


def _parse(address: str) -> tuple[str, Address]:
    """Return the host, which is empty for a Unix socket, and the address."""
    if address.startswith(_UNIX):
        return "", Address(pipe=Pipe(path=address.removeprefix(_UNIX)))
    host, colon, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not (colon and bare and port.isdecimal() and 0 < int(port) <= 65535):
        raise ValueError(f"{address!r} is no address: write host:port, [IPv6]:port or unix:/path")
    return bare, Address(socket_address=SocketAddress(address=bare, port_value=int(port)))


def _is_fixed(host: str) -> bool:
    if not host:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _http2_options() -> HttpProtocolOptions:
    explicit = HttpProtocolOptions.ExplicitHttpConfig(http2_protocol_options=Http2ProtocolOptions())
    return HttpProtocolOptions(explicit_http_config=explicit)


def _tls_socket(tls: Tls, server_name: str) -> TransportSocket:
    if not server_name:
        raise ValueError("TLS on a Unix socket needs Tls(server_name=…): a socket has no name to check")
    is_address = _is_fixed(server_name)
    names = SubjectAltNameMatcher(
        san_type=SubjectAltNameMatcher.IP_ADDRESS if is_address else SubjectAltNameMatcher.DNS,
        matcher=StringMatcher(exact=server_name),
    )
    checks = CertificateValidationContext(
        trusted_ca=DataSource(filename=tls.ca_file), match_typed_subject_alt_names=[names]
    )
    # No SNI for an address (RFC 6066).
    context = UpstreamTlsContext(
        sni="" if is_address else server_name, common_tls_context=CommonTlsContext(validation_context=checks)
    )
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=typed_config(context))
