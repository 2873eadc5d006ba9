"""connection, dns, proxyProtocol and tcpKeepalive: how connections to backends are made. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig
from envoy.config.core.v3.socket_option_pb2 import SocketOption
from envoy.extensions.clusters.common.dns.v3 import dns_pb2
from envoy.extensions.clusters.dns.v3.dns_cluster_pb2 import DnsCluster
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.model.api.backend_traffic.connections import BackendConnection, BackendProxyProtocol, Dns
from egxds.model.api.client_traffic.connections import TcpKeepalive
from egxds.model.api.scalars import duration_s
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.resources.encoding import pack
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.client_traffic.place import lasting

_HUNDRED = 100
_SOL_SOCKET, _SO_SNDBUF, _SO_RCVBUF = 1, 7, 8
_FAMILIES: Mapping[str, dns_pb2.DnsLookupFamily] = {
    "IPv4": dns_pb2.V4_ONLY,
    "IPv6": dns_pb2.V6_ONLY,
    "IPv4Preferred": dns_pb2.V4_PREFERRED,
    "IPv6Preferred": dns_pb2.AUTO,
    "IPv4AndIPv6": dns_pb2.ALL,
}


def write_connection(draft: ClusterDraft, asked: BackendConnection) -> None:
    """Write how much of a connection is held, and which are made beforehand; the numbers of options are Linux's."""
    cluster, limit = draft.cluster, asked.socket_buffer_limit
    if asked.buffer_limit is not None:
        cluster.per_connection_buffer_limit_bytes.CopyFrom(UInt32Value(value=asked.buffer_limit))
    for name in (_SO_SNDBUF, _SO_RCVBUF) if limit is not None else ():
        cluster.upstream_bind_config.socket_options.add(
            level=_SOL_SOCKET, name=name, int_value=limit, state=SocketOption.STATE_PREBIND
        )
    if asked.preconnect is None:
        return
    if asked.preconnect.per_endpoint_percent is not None:
        ratio = asked.preconnect.per_endpoint_percent / _HUNDRED
        cluster.preconnect_policy.per_upstream_preconnect_ratio.value = ratio
    if asked.preconnect.predictive_percent is not None:
        cluster.preconnect_policy.predictive_preconnect_ratio.value = asked.preconnect.predictive_percent / _HUNDRED


def write_dns(draft: ClusterDraft, asked: Dns) -> None:
    """Write how names are resolved, where there are any: by the extension, whose fields are the ones not deprecated."""
    cluster = draft.cluster
    if cluster.type != Cluster.STRICT_DNS:
        return
    config = DnsCluster(
        dns_refresh_rate=lasting(asked.dns_refresh_rate),
        respect_dns_ttl=asked.respect_dns_ttl,
        dns_lookup_family=_FAMILIES[asked.lookup_family or "IPv4Preferred"],
    )
    cluster.ClearField("dns_lookup_family")
    cluster.cluster_type.name = "envoy.cluster.dns"
    cluster.cluster_type.typed_config.CopyFrom(pack(config))


def write_proxy_protocol(draft: ClusterDraft, asked: BackendProxyProtocol) -> None:
    """Have connections begin with whom they are for, outside of TLS where there is any."""
    if draft.protocol is UpstreamProtocol.UDP:
        return
    inside = TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=pack(RawBuffer()))
    if draft.cluster.HasField("transport_socket"):
        inside.CopyFrom(draft.cluster.transport_socket)
    config = ProxyProtocolConfig(version=ProxyProtocolConfig.Version.Value(asked.version))
    outside = ProxyProtocolUpstreamTransport(config=config, transport_socket=inside)
    draft.cluster.transport_socket.CopyFrom(
        TransportSocket(name="envoy.transport_sockets.upstream_proxy_protocol", typed_config=pack(outside))
    )


def write_keepalive(draft: ClusterDraft, asked: TcpKeepalive) -> None:
    """Have connections probed over which nothing comes."""
    keepalive = draft.cluster.upstream_connection_options.tcp_keepalive
    keepalive.SetInParent()
    if asked.probes is not None:
        keepalive.keepalive_probes.CopyFrom(UInt32Value(value=asked.probes))
    if asked.idle_time is not None:
        keepalive.keepalive_time.CopyFrom(UInt32Value(value=int(duration_s(asked.idle_time))))
    if asked.interval is not None:
        keepalive.keepalive_interval.CopyFrom(UInt32Value(value=int(duration_s(asked.interval))))
