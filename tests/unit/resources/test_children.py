"""What Listeners and Clusters have Envoy fetch."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.http.oauth2.v3 import oauth_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2
from envoy.extensions.transport_sockets.quic.v3 import quic_transport_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from google.protobuf.message import DecodeError

from egxds.names import CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.resources.children import children_of


def _connection_manager(route_configuration: str) -> Any:
    manager = http_connection_manager_pb2.HttpConnectionManager()
    manager.rds.route_config_name = route_configuration
    manager.rds.config_source.ads.SetInParent()
    return manager


def _downstream_tls(*secrets: str) -> Any:
    tls = tls_pb2.DownstreamTlsContext()
    for name in secrets:
        secret = tls.common_tls_context.tls_certificate_sds_secret_configs.add(name=name)
        secret.sds_config.ads.SetInParent()
    return tls


def _add_chain(listener: Any, manager: Any, tls: Any = None) -> None:
    chain = listener.filter_chains.add()
    chain.filters.add(name="hcm").typed_config.Pack(manager)
    if tls is not None:
        chain.transport_socket.typed_config.Pack(tls)


def test_listener_has_routes_and_certificates() -> None:
    """Each once, sorted, over all filter chains."""
    listener = listener_pb2.Listener(name="l")
    _add_chain(listener, _connection_manager("r2"), _downstream_tls("s1", "s2"))
    _add_chain(listener, _connection_manager("r1"), _downstream_tls("s1"))
    listener.default_filter_chain.filters.add().typed_config.Pack(_connection_manager("r2"))
    expected = ((ROUTE_CONFIGURATION, "r1"), (ROUTE_CONFIGURATION, "r2"), (SECRET, "s1"), (SECRET, "s2"))
    assert children_of(LISTENER, listener.SerializeToString()) == expected


def test_secrets_are_found_at_any_depth() -> None:
    """Inside a QUIC socket, and inside a filter of a connection manager."""
    listener = listener_pb2.Listener(name="l")
    manager = _connection_manager("r")
    oauth = oauth_pb2.OAuth2()
    oauth.config.credentials.hmac_secret.name = "hmac"
    oauth.config.credentials.hmac_secret.sds_config.ads.SetInParent()
    manager.http_filters.add(name="oauth").typed_config.Pack(oauth)
    quic = quic_transport_pb2.QuicDownstreamTransport()
    quic.downstream_tls_context.CopyFrom(_downstream_tls("cert"))
    _add_chain(listener, manager, quic)
    expected = ((ROUTE_CONFIGURATION, "r"), (SECRET, "cert"), (SECRET, "hmac"))
    assert children_of(LISTENER, listener.SerializeToString()) == expected


def test_inline_content_is_no_child() -> None:
    """Routes in the Listener, and a secret without a config source, are fetched from nowhere."""
    listener = listener_pb2.Listener(name="l")
    manager = http_connection_manager_pb2.HttpConnectionManager()
    manager.route_config.name = "inline"
    tls = tls_pb2.DownstreamTlsContext()
    tls.common_tls_context.tls_certificate_sds_secret_configs.add(name="static")
    _add_chain(listener, manager, tls)
    assert children_of(LISTENER, listener.SerializeToString()) == ()


@pytest.mark.parametrize(("type_url", "value"), [("type.googleapis.com/acme.Unknown", b"x"), ("", b"")])
def test_unknown_payload_is_passed_over(type_url: str, value: bytes) -> None:
    """An Any of a type that is not known is left alone, whatever it holds."""
    listener = listener_pb2.Listener(name="l")
    _add_chain(listener, _connection_manager("r"))
    payload = listener.filter_chains[0].filters.add(name="x").typed_config
    payload.type_url, payload.value = type_url, value
    assert children_of(LISTENER, listener.SerializeToString()) == ((ROUTE_CONFIGURATION, "r"),)


def test_payload_that_does_not_parse_is_passed_over() -> None:
    """Envoy will refuse it; that is not for here."""
    listener = listener_pb2.Listener(name="l")
    _add_chain(listener, _connection_manager("r"))
    listener.filter_chains[0].filters[0].typed_config.value = b"\xff"
    assert children_of(LISTENER, listener.SerializeToString()) == ()


@pytest.mark.parametrize(("service_name", "expected"), [("", "c"), ("httproute/a/b/rule/0", "httproute/a/b/rule/0")])
def test_cluster_has_endpoints(service_name: str, expected: str) -> None:
    """By its service name, or else by its own."""
    cluster = cluster_pb2.Cluster(name="c", type=cluster_pb2.Cluster.EDS)
    cluster.eds_cluster_config.service_name = service_name
    cluster.eds_cluster_config.eds_config.ads.SetInParent()
    assert children_of(CLUSTER, cluster.SerializeToString()) == ((ENDPOINT, expected),)


def test_cluster_of_another_kind_has_no_endpoints() -> None:
    """STATIC is the default; it counts like any other."""
    for cluster in (cluster_pb2.Cluster(name="c"), cluster_pb2.Cluster(name="c", type=cluster_pb2.Cluster.STRICT_DNS)):
        assert children_of(CLUSTER, cluster.SerializeToString()) == ()


def test_cluster_has_certificates() -> None:
    """Of its own socket, of one inside another, and of those that it chooses from."""
    cluster = cluster_pb2.Cluster(name="c")
    wrapper = upstream_proxy_protocol_pb2.ProxyProtocolUpstreamTransport()
    wrapper.transport_socket.typed_config.Pack(_upstream_tls("ca"))
    cluster.transport_socket.typed_config.Pack(wrapper)
    match = cluster.transport_socket_matches.add(name="m")
    match.transport_socket.typed_config.Pack(_upstream_tls("other"))
    assert children_of(CLUSTER, cluster.SerializeToString()) == ((SECRET, "ca"), (SECRET, "other"))


def _upstream_tls(validation: str) -> Any:
    tls = tls_pb2.UpstreamTlsContext()
    secret = tls.common_tls_context.validation_context_sds_secret_config
    secret.name = validation
    secret.sds_config.ads.SetInParent()
    return tls


def test_maps_are_walked() -> None:
    """Values of a map may be messages, even packed ones; and they may be none."""
    cluster = cluster_pb2.Cluster(name="c")
    cluster.typed_extension_protocol_options["tls"].Pack(_upstream_tls("ca"))
    cluster.metadata.CopyFrom(base_pb2.Metadata())
    cluster.metadata.filter_metadata["x"].fields["y"].string_value = "z"
    assert children_of(CLUSTER, cluster.SerializeToString()) == ((SECRET, "ca"),)


def test_other_types_have_no_children() -> None:
    """Their bodies are not even read."""
    assert children_of(ROUTE_CONFIGURATION, b"\xff") == ()


def test_body_that_is_no_message_is_an_error() -> None:
    """It should have been refused before."""
    with pytest.raises(DecodeError):
        children_of(CLUSTER, b"\xff")
