"""What resources refer to: for the sessions, for the hooks and for a denial it is one answer."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import extension_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.clusters.aggregate.v3 import cluster_pb2 as aggregate_pb2
from envoy.extensions.common.matching.v3 import extension_matcher_pb2
from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2 as jwt_pb2
from envoy.extensions.filters.http.oauth2.v3 import oauth_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from envoy.extensions.filters.udp.udp_proxy.v3 import route_pb2 as udp_route_pb2
from envoy.extensions.filters.udp.udp_proxy.v3 import udp_proxy_pb2
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2
from envoy.extensions.transport_sockets.quic.v3 import quic_transport_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from egxds import names
from egxds.errors import UnreadableMessageError
from egxds.resources.encoding import encode, pack
from egxds.resources.references import (
    children,
    configuration_references,
    references,
    resource_references,
    route_references,
)
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost, VirtualHosts

ADS: dict[str, Any] = {"ads": {}}
SELF: dict[str, Any] = {"self": {}}
FILE: dict[str, Any] = {"path_config_source": {"path": "/x.yaml"}}
OLD_FILE: dict[str, Any] = {"path": "/x.yaml"}
SERVER: dict[str, Any] = {"api_config_source": {"api_type": "DELTA_GRPC"}}
RDS = {"rds": {"route_config_name": "r", "config_source": ADS}}
JWKS = {"providers": {"p": {"remote_jwks": {"http_uri": {"uri": "https://a", "cluster": "idp", "timeout": "1s"}}}}}

Named = set[tuple[str, str]]
"""Short names of types, and resource names."""


def parsed(message: Message, fields: dict[str, Any]) -> Message:
    """Fill a message from plain data."""
    return json_format.ParseDict(fields, message)


def short(found: Any) -> Named:
    """Return references with the short names of their types."""
    return {(names.SHORT_NAMES[type_url], name) for type_url, name in found}


def manager(fields: dict[str, Any], *http_filters: Message) -> Message:
    """Return a connection manager with some HTTP filters."""
    message = http_connection_manager_pb2.HttpConnectionManager()
    for http_filter in http_filters:
        message.http_filters.add(name="h").typed_config.CopyFrom(pack(http_filter))
    return parsed(message, fields)


def listener(*network_filters: Message, socket: Message | None = None) -> bytes:
    """Return a listener with a filter chain for each network filter, the last of them the default one."""
    message = listener_pb2.Listener(name="l")
    for at, network_filter in enumerate(network_filters, 1):
        chain = message.default_filter_chain if at == len(network_filters) else message.filter_chains.add()
        chain.filters.add(name="f").typed_config.CopyFrom(pack(network_filter))
        if socket is not None:
            chain.transport_socket.typed_config.CopyFrom(pack(socket))
    return encode(message)


def datagrams(route: dict[str, Any]) -> bytes:
    """Return a listener for datagrams with a route for all of them."""
    message = listener_pb2.Listener(name="l")
    proxy = udp_proxy_pb2.UdpProxyConfig()
    proxy.matcher.on_no_match.action.typed_config.CopyFrom(pack(parsed(udp_route_pb2.Route(), route)))
    message.listener_filters.add(name="f").typed_config.CopyFrom(pack(proxy))
    return encode(message)


def cluster(fields: dict[str, Any], socket: Message | None = None) -> bytes:
    """Return a cluster."""
    message = parsed(cluster_pb2.Cluster(name="c"), fields)
    if socket is not None:
        message.transport_socket.typed_config.CopyFrom(pack(socket))  # type: ignore[attr-defined]
    return encode(message)


def sds(name: str, source: dict[str, Any] | None = ADS) -> dict[str, Any]:
    """Return how a secret is asked for."""
    return {"name": name} if source is None else {"name": name, "sds_config": source}


def downstream_tls(*certificates: str, ca: str = "") -> Message:
    """Return the TLS of connections from clients."""
    context: dict[str, Any] = {"tls_certificate_sds_secret_configs": [sds(name) for name in certificates]}
    if ca:
        context["combined_validation_context"] = {"validation_context_sds_secret_config": sds(ca)}
    return parsed(tls_pb2.DownstreamTlsContext(), {"common_tls_context": context})


def upstream_tls(ca: str, source: dict[str, Any] | None = ADS) -> Message:
    """Return the TLS of connections to backends."""
    context = {"validation_context_sds_secret_config": sds(ca, source)}
    return parsed(tls_pb2.UpstreamTlsContext(), {"common_tls_context": context})


def oauth(secret: str) -> Message:
    """Return an OAuth filter."""
    return parsed(oauth_pb2.OAuth2(), {"config": {"credentials": {"hmac_secret": sds(secret)}}})


def matched(inner: Message) -> Any:
    """Wrap a filter into one that is passed over for some requests."""
    message = extension_matcher_pb2.ExtensionWithMatcher()
    message.extension_config.typed_config.CopyFrom(pack(inner))
    return message


def wrapped(socket: Message) -> Any:
    """Put a transport socket into one that writes the PROXY protocol first."""
    message = upstream_proxy_protocol_pb2.ProxyProtocolUpstreamTransport()
    message.transport_socket.typed_config.CopyFrom(pack(socket))
    return message


def quic(tls: Message) -> Any:
    """Put TLS into QUIC."""
    return quic_transport_pb2.QuicDownstreamTransport(downstream_tls_context=tls)


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
    found = route_references(encode(parsed(route_components_pb2.Route(), fields)))
    assert found == {(names.CLUSTER, name) for name in clusters}


def test_a_route_configuration_refers_to_what_its_parts_refer_to() -> None:
    """Its head, its virtual hosts' heads and their routes are read one by one, and remembered so."""
    mirror = [{"cluster": "mirror"}]
    routes = [{"name": f"r{name}", "route": {"cluster": name}} for name in ("a", "b")]
    bodies = tuple(encode(parsed(route_components_pb2.Route(), fields)) for fields in routes)
    head = parsed(route_components_pb2.VirtualHost(), {"name": "v", "request_mirror_policies": mirror})
    host = VirtualHost(
        "v", ("*",), encode(head), tuple(Route(name, body) for name, body in zip("ab", bodies, strict=True))
    )
    configuration = RouteConfiguration("c", encode(route_pb2.RouteConfiguration(name="c")), VirtualHosts([host]))
    found = configuration_references(configuration)
    assert found == {(names.CLUSTER, name) for name in ("a", "b", "mirror")}
    assert found == references(names.ROUTE_CONFIGURATION, configuration.encode())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (listener(parsed(tcp_proxy_pb2.TcpProxy(), {"cluster": "a"})), {("cluster", "a")}),
        (
            listener(parsed(tcp_proxy_pb2.TcpProxy(), {"weighted_clusters": {"clusters": [{"name": "a"}]}})),
            {("cluster", "a")},
        ),
        (datagrams({"cluster": "a"}), {("cluster", "a")}),
        (listener(manager(RDS)), {("route", "r")}),
        (listener(manager({}, parsed(jwt_pb2.JwtAuthentication(), JWKS))), {("cluster", "idp")}),
        (listener(manager(RDS, oauth("hmac"))), {("route", "r"), ("secret", "hmac")}),
        (listener(manager(RDS, matched(oauth("hmac")))), {("route", "r"), ("secret", "hmac")}),
        (
            listener(
                manager(RDS), manager({"route_config": {"name": "inline"}}), socket=downstream_tls("b", "a", ca="ca")
            ),
            {("route", "r"), ("secret", "a"), ("secret", "b"), ("secret", "ca")},
        ),
        (listener(manager(RDS), socket=quic(downstream_tls("a"))), {("route", "r"), ("secret", "a")}),
    ],
    ids=["TCP", "weighted TCP", "UDP", "RDS", "JWKS", "OAuth", "matched OAuth", "TLS, inline routes", "QUIC"],
)
def test_references_of_a_listener(body: bytes, found: Named) -> None:
    """They are found in all chains, in the payloads of filters and sockets, however deep; children are no clusters."""
    assert short(references(names.LISTENER, body)) == found
    assert list(children(names.LISTENER, body)) == sorted(
        key for key in references(names.LISTENER, body) if key[0] != names.CLUSTER
    )


EDS = {"type": "EDS", "eds_cluster_config": {"eds_config": ADS}}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (cluster(EDS), {("endpoint", "c")}),
        (cluster({"type": "EDS", "eds_cluster_config": {"service_name": "s", "eds_config": ADS}}), {("endpoint", "s")}),
        (cluster({}), set()),
        (cluster({"type": "STRICT_DNS"}), set()),
        (cluster({"cluster_type": {"name": "envoy.cluster.eds"}, "eds_cluster_config": {"eds_config": ADS}}), set()),
        (cluster(EDS, upstream_tls("ca")), {("endpoint", "c"), ("secret", "ca")}),
        (cluster({}, wrapped(upstream_tls("ca"))), {("secret", "ca")}),
    ],
    ids=["own name", "service name", "static", "DNS", "cluster type", "TLS", "socket in a socket"],
)
def test_references_of_a_cluster(body: bytes, found: Named) -> None:
    """Endpoints under the name that Envoy asks for, and secrets; all of them are its children."""
    assert short(references(names.CLUSTER, body)) == found
    assert short(children(names.CLUSTER, body)) == found


@pytest.mark.parametrize(
    ("source", "found"), [(ADS, {("extension", "jwt")}), (FILE, set())], ids=["from here", "from a file"]
)
def test_a_filter_that_is_fetched(source: dict[str, Any], found: Named) -> None:
    """It is a child of its Listener, under its own name."""
    body = listener(manager({"http_filters": [{"name": "jwt", "config_discovery": {"config_source": source}}]}))
    assert short(references(names.LISTENER, body)) == found
    assert short(children(names.LISTENER, body)) == found


def test_the_configuration_of_a_filter_refers_to_clusters() -> None:
    """As a filter does that stands in its Listener."""
    body = extension_pb2.TypedExtensionConfig(name="jwt")
    body.typed_config.CopyFrom(pack(parsed(jwt_pb2.JwtAuthentication(), JWKS)))
    assert short(references(names.EXTENSION_CONFIG, encode(body))) == {("cluster", "idp")}
    assert children(names.EXTENSION_CONFIG, encode(body)) == ()


def test_values_of_maps_are_looked_into() -> None:
    """They may be packed messages."""
    message = cluster_pb2.Cluster(name="c")
    message.typed_extension_protocol_options["x"].CopyFrom(pack(upstream_tls("ca")))
    assert short(children(names.CLUSTER, encode(message))) == {("secret", "ca")}


def test_one_of_several_sockets_may_be_chosen() -> None:
    """A cluster refers to the secrets of all of them."""
    message = cluster_pb2.Cluster(name="c")
    message.transport_socket_matches.add().transport_socket.typed_config.CopyFrom(pack(upstream_tls("a")))
    message.transport_socket.typed_config.CopyFrom(pack(upstream_tls("b")))
    assert short(children(names.CLUSTER, encode(message))) == {("secret", "a"), ("secret", "b")}


def test_an_aggregate_cluster_refers_to_its_clusters() -> None:
    """Each of them; Envoy asks for none of them by name."""
    message = cluster_pb2.Cluster(name="c")
    message.cluster_type.typed_config.CopyFrom(pack(aggregate_pb2.ClusterConfig(clusters=["a", "b"])))
    resource = Resource(names.CLUSTER, "c", encode(message))
    assert short(resource_references(resource)) == {("cluster", "a"), ("cluster", "b")}
    assert children(names.CLUSTER, resource.body) == ()


@pytest.mark.parametrize(
    ("source", "is_here"),
    [(ADS, True), (SELF, True), (FILE, False), (OLD_FILE, False), (SERVER, False), ({}, False), (None, False)],
    ids=["ads", "self", "file", "old file", "server", "empty", "none"],
)
def test_only_what_comes_from_here_counts(source: dict[str, Any] | None, is_here: bool) -> None:
    """What Envoy has in its bootstrap, in a file or from another server is none of ours, whoever asks."""
    rds = {"route_config_name": "r"} | ({} if source is None else {"config_source": source})
    eds = {} if source is None else {"eds_config": source}
    bodies = (
        (names.LISTENER, listener(manager({"rds": rds})), ("route", "r")),
        (names.CLUSTER, cluster({"type": "EDS", "eds_cluster_config": eds}), ("endpoint", "c")),
        (names.CLUSTER, cluster({}, upstream_tls("s", source)), ("secret", "s")),
    )
    for type_url, body, found in bodies:
        assert short(references(type_url, body)) == short(children(type_url, body)) == ({found} if is_here else set())


@pytest.mark.parametrize(("type_url", "value"), [("example.io/acme.Unknown", b"x"), ("", b""), (None, b"\xff")])
def test_a_payload_that_cannot_be_read_is_passed_over(type_url: str | None, value: bytes) -> None:
    """Of a type that is not known, or not of its type: Envoy will refuse that, and it hides nothing else."""
    message = listener_pb2.Listener.FromString(listener(manager(RDS)))
    payload = message.filter_chains.add().filters.add(name="x").typed_config
    payload.CopyFrom(pack(manager(RDS)))
    payload.type_url, payload.value = payload.type_url if type_url is None else type_url, value
    assert short(children(names.LISTENER, encode(message))) == {("route", "r")}


def test_other_types_have_no_children() -> None:
    """Their bodies are not even read."""
    assert children(names.ROUTE_CONFIGURATION, b"\xff") == ()


@pytest.mark.parametrize("ask", [references, children])
def test_a_body_that_is_no_message_is_an_error(ask: Any) -> None:
    """It should have been refused before."""
    with pytest.raises(UnreadableMessageError):
        ask(names.CLUSTER, b"\xff")


def test_a_type_that_is_not_known_is_an_error() -> None:
    """Nothing can be said of it."""
    with pytest.raises(UnreadableMessageError):
        references("example.io/acme.Unknown", b"")


def test_large_bodies_are_read_like_small_ones() -> None:
    """Only whether the answer is remembered differs."""
    padding = "x" * 5000
    body = encode(parsed(route_components_pb2.Route(name=padding), {"route": {"cluster": "a"}}))
    many = listener(*(manager({"rds": {"route_config_name": f"r{at}", "config_source": ADS}}) for at in range(50)))
    for _ in range(2):
        assert short(route_references(body)) == {("cluster", "a")}
        assert short(references(names.LISTENER, many)) == {("route", f"r{at}") for at in range(50)}
