"""What a listener refers to."""

from __future__ import annotations

from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2

from egxds.resources.encoding import encode, pack
from egxds.resources.listener_references import ListenerReferences, references


def test_every_chain_is_looked_into() -> None:
    """RDS names and secrets of all filter chains and of the default one; other network filters are passed over."""
    message = listener_pb2.Listener(name="l")
    for chain, name in ((message.filter_chains.add(), "a"), (message.default_filter_chain, "b")):
        manager = http_connection_manager_pb2.HttpConnectionManager()
        manager.rds.route_config_name = name
        chain.name = "" if chain is message.default_filter_chain else f"chain {name}"
        chain.filters.add(name="other").typed_config.CopyFrom(pack(tcp_proxy_pb2.TcpProxy(stat_prefix="t")))
        chain.filters.add(name="hcm").typed_config.CopyFrom(pack(manager))
        tls = tls_pb2.DownstreamTlsContext()
        tls.common_tls_context.tls_certificate_sds_secret_configs.add(name=f"certificate {name}")
        combined = tls.common_tls_context.combined_validation_context
        combined.validation_context_sds_secret_config.name = f"ca {name}"
        chain.transport_socket.typed_config.CopyFrom(pack(tls))
    assert references(encode(message)) == ListenerReferences(
        route_configurations=frozenset({"a", "b"}),
        secrets=frozenset({"certificate a", "ca a", "certificate b", "ca b"}),
        has_inline_routes=False,
        askers=frozenset({("chain a", "a"), ("the default one", "b")}),
    )


def test_routes_inside_a_listener_are_seen() -> None:
    """A denial in RDS would not reach them."""
    message = listener_pb2.Listener(name="l")
    manager = http_connection_manager_pb2.HttpConnectionManager()
    manager.route_config.name = "inline"
    message.filter_chains.add().filters.add().typed_config.CopyFrom(pack(manager))
    assert references(encode(message)) == ListenerReferences(frozenset(), frozenset(), has_inline_routes=True)
