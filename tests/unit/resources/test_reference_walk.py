"""Where references are found, and where they are not looked for."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import config_source_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.clusters.aggregate.v3 import cluster_pb2 as aggregate_pb2
from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2 as jwt_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from egxds import names
from egxds.resources.encoding import encode, pack
from egxds.resources.references import resource_references, route_references
from egxds.resources.resource import Resource

ADS: dict[str, Any] = {"ads": {}}
ELSEWHERE: dict[str, Any] = {"path_config_source": {"path": "/x.yaml"}}


def parsed(message: Message, fields: dict[str, Any]) -> Message:
    """Fill a message from plain data."""
    return json_format.ParseDict(fields, message)


def of_route(fields: dict[str, Any]) -> set[str]:
    """Return the clusters that a route refers to."""
    found = route_references(encode(parsed(route_components_pb2.Route(), fields)))
    assert {type_url for type_url, _ in found} <= {names.CLUSTER}
    return {name for _, name in found}


@pytest.mark.parametrize(
    ("fields", "clusters"),
    [
        ({"route": {"cluster": "a"}}, {"a"}),
        ({"route": {"weighted_clusters": {"clusters": [{"name": "a"}, {"name": "b"}]}}}, {"a", "b"}),
        ({"route": {"cluster": "a", "request_mirror_policies": [{"cluster": "b"}]}}, {"a", "b"}),
        ({"route": {"cluster_header": "x-to"}}, set()),
        ({"route": {"weighted_clusters": {"clusters": [{"cluster_header": "x-to"}]}}}, set()),
        ({"direct_response": {"status": 200}}, set()),
        ({"redirect": {"host_redirect": "a"}}, set()),
    ],
)
def test_clusters_of_a_route(fields: dict[str, Any], clusters: set[str]) -> None:
    """Those that are named, and not those that a request chooses."""
    assert of_route(fields) == clusters


def of_filter(config: Message) -> set[tuple[str, str]]:
    """Return what a listener with one filter refers to: short type and name."""
    listener = listener_pb2.Listener(name="l")
    listener.default_filter_chain.filters.add(name="f").typed_config.CopyFrom(pack(config))
    found = resource_references(Resource(names.LISTENER, "l", encode(listener)))
    return {(names.SHORT_NAMES[type_url], name) for type_url, name in found}


def inside_http(config: Message) -> http_connection_manager_pb2.HttpConnectionManager:
    """Put an HTTP filter into a connection manager."""
    manager = http_connection_manager_pb2.HttpConnectionManager()
    manager.http_filters.add(name="h").typed_config.CopyFrom(pack(config))
    return manager


RDS = {"rds": {"route_config_name": "r", "config_source": ADS}}
JWKS = {"providers": {"p": {"remote_jwks": {"http_uri": {"uri": "https://a", "cluster": "idp", "timeout": "1s"}}}}}


@pytest.mark.parametrize(
    ("config", "references"),
    [
        (parsed(tcp_proxy_pb2.TcpProxy(), {"cluster": "a"}), {("cluster", "a")}),
        (
            parsed(tcp_proxy_pb2.TcpProxy(), {"weighted_clusters": {"clusters": [{"name": "a"}]}}),
            {("cluster", "a")},
        ),
        (parsed(http_connection_manager_pb2.HttpConnectionManager(), RDS), {("route", "r")}),
        (inside_http(parsed(jwt_pb2.JwtAuthentication(), JWKS)), {("cluster", "idp")}),
    ],
)
def test_references_of_a_listener(config: Message, references: set[tuple[str, str]]) -> None:
    """They are found in the payloads of filters, however deep."""
    assert of_filter(config) == references


@pytest.mark.parametrize(("source", "found"), [(ADS, {"s"}), ({"self": {}}, {"s"}), (ELSEWHERE, set()), (None, set())])
def test_only_what_comes_over_this_stream_must_be_there(source: dict[str, Any] | None, found: set[str]) -> None:
    """A secret of Envoy's bootstrap, or of a file, is none of ours."""
    context = tls_pb2.UpstreamTlsContext()
    config = context.common_tls_context.tls_certificate_sds_secret_configs.add(name="s")
    if source is not None:
        config.sds_config.CopyFrom(json_format.ParseDict(source, config_source_pb2.ConfigSource()))
    cluster = cluster_pb2.Cluster(name="c")
    cluster.transport_socket.typed_config.CopyFrom(pack(context))
    assert of_cluster(cluster) == {(names.SECRET, name) for name in found}


def of_cluster(cluster: cluster_pb2.Cluster) -> frozenset[tuple[str, str]]:
    """Return what a cluster refers to."""
    return resource_references(Resource(names.CLUSTER, cluster.name, encode(cluster)))


def test_an_aggregate_cluster_refers_to_its_clusters() -> None:
    """Each of them."""
    cluster = cluster_pb2.Cluster(name="c")
    cluster.cluster_type.typed_config.CopyFrom(pack(aggregate_pb2.ClusterConfig(clusters=["a", "b"])))
    assert of_cluster(cluster) == {(names.CLUSTER, "a"), (names.CLUSTER, "b")}


@pytest.mark.parametrize(("service", "name"), [("", "c"), ("s", "s")])
def test_an_eds_cluster_refers_to_endpoints(service: str, name: str) -> None:
    """Of its service's name, or of its own."""
    cluster = cluster_pb2.Cluster(name="c", type=cluster_pb2.Cluster.EDS)
    cluster.eds_cluster_config.service_name = service
    cluster.eds_cluster_config.eds_config.ads.SetInParent()
    assert of_cluster(cluster) == {(names.ENDPOINT, name)}
