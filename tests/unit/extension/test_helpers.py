"""The helpers write what Envoy's documentation says, and nothing that was there is lost."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import FilterConfig, Route, VirtualHost, WeightedCluster
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.basic_auth.v3.basic_auth_pb2 import BasicAuth
from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext
from google.protobuf.any_pb2 import Any as AnyMessage

from egxds.extension import (
    Format,
    Tls,
    add_http_filter,
    add_request_header,
    add_response_header,
    connection_managers,
    disable_filter,
    enable_filter,
    filter_config,
    grpc_service,
    holds,
    http_filter,
    read_config,
    remove_request_header,
    remove_response_header,
    service_cluster,
    set_filter_config,
    set_request_header,
    set_response_header,
    typed_config,
)
from egxds.resources.validation.violations import violations

TARGETS = [Route, VirtualHost, RouteConfiguration, WeightedCluster.ClusterWeight]
SET, ADD = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD


@pytest.mark.parametrize("target", TARGETS)
def test_headers(target: type[Any]) -> None:
    """Every message that has headers takes all six."""
    made = target()
    set_request_header(made, "a", "1")
    add_request_header(made, "b", "2")
    remove_request_header(made, "c")
    set_response_header(made, "d", "100%")
    add_response_header(made, "e", Format("%PROTOCOL%"))
    remove_response_header(made, "f")
    told = [
        [(each.header.key, each.header.value, each.append_action) for each in added]
        for added in (made.request_headers_to_add, made.response_headers_to_add)
    ]
    assert told == [[("a", "1", SET), ("b", "2", ADD)], [("d", "100%%", SET), ("e", "%PROTOCOL%", ADD)]]
    assert (made.request_headers_to_remove, made.response_headers_to_remove) == (["c"], ["f"])


def listener(*filters: str) -> Listener:
    """Make a listener with two connection managers, one of them in the default chain, and a TCP proxy between."""
    made = Listener(name="shop/web/http")
    for chain in (made.filter_chains.add(name="shop/web/https"), made.default_filter_chain):
        manager = HttpConnectionManager(stat_prefix="x", http_filters=[http_filter(name, Cors()) for name in filters])
        manager.http_filters.append(http_filter("envoy.filters.http.router", Router()))
        chain.filters.add(name="tcp").typed_config.CopyFrom(typed_config(TcpProxy()))
        chain.filters.add(name="hcm").typed_config.CopyFrom(typed_config(manager))
    return made


def order(made: Listener) -> list[list[str]]:
    """Return the names of the HTTP filters, of each connection manager."""
    return [[each.name for each in manager.http_filters] for manager in connection_managers(made)]


ROUTER = "envoy.filters.http.router"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, ["a", "b", "new", ROUTER]),
        ({"before": "a"}, ["new", "a", "b", ROUTER]),
        ({"after": "a"}, ["a", "new", "b", ROUTER]),
        ({"after": "b"}, ["a", "b", "new", ROUTER]),
    ],
)
def test_an_http_filter_stands_where_it_is_put(where: dict[str, str], expected: list[str]) -> None:
    """In every connection manager; before the router unless told otherwise."""
    made = listener("a", "b")
    add_http_filter(made, http_filter("new", BasicAuth()), **where)
    assert order(made) == [expected, expected]


def test_a_place_that_is_not_there_is_said() -> None:
    """With the names that are."""
    with pytest.raises(
        LookupError, match=r"^no HTTP filter is named nope; there are: a, envoy\.filters\.http\.router$"
    ):
        add_http_filter(listener("a"), http_filter("new", BasicAuth()), after="nope")


def test_what_is_changed_in_a_connection_manager_is_written_back() -> None:
    """Also of the one at which the loop is left; and looking at a listener without a default chain adds none."""
    made = listener()
    for manager in connection_managers(made):
        manager.stat_prefix = "changed"
        break
    assert [manager.stat_prefix for manager in connection_managers(made)] == ["changed", "x"]
    bare = Listener(name="x")
    assert (list(connection_managers(bare)), bare.HasField("default_filter_chain")) == ([], False)


def test_config_of_a_filter_at_one_place() -> None:
    """Set, read, disabled and enabled; to look at it adds nothing."""
    route = Route()
    assert filter_config(route, "x", Cors) is None
    assert not route.typed_per_filter_config
    set_filter_config(route, "x", BasicAuth(forward_username_header="x-user"))
    read = filter_config(route, "x", BasicAuth)
    assert read is not None
    assert read.forward_username_header == "x-user"
    with pytest.raises(
        TypeError, match=r"^the Any holds envoy\.extensions\.filters\.http\.basic_auth\.v3\.BasicAuth and"
    ):
        filter_config(route, "x", Cors)
    disable_filter(route, "x")
    assert filter_config(route, "x", FilterConfig) == FilterConfig(disabled=True)
    enable_filter(route, "x")
    enabled = filter_config(route, "x", FilterConfig)
    assert enabled is not None
    assert (enabled.HasField("config"), enabled.disabled) == (True, False)


def test_an_any_that_holds_nothing_is_said() -> None:
    """No message is made up of it."""
    with pytest.raises(TypeError, match=r"^the Any holds nothing and not"):
        read_config(AnyMessage(), Router)
    assert not holds(AnyMessage(), Router)
    assert holds(typed_config(Router()), Router)


@pytest.mark.parametrize(
    ("address", "kind", "host", "port"),
    [
        ("127.0.0.1:9000", Cluster.STATIC, "127.0.0.1", 9000),
        ("[::1]:9000", Cluster.STATIC, "::1", 9000),
        ("authz.example:443", Cluster.STRICT_DNS, "authz.example", 443),
    ],
)
def test_a_cluster_for_a_service(address: str, kind: int, host: str, port: int) -> None:
    """Addresses are static, names are looked up; Envoy's rules hold."""
    made = service_cluster("authz", address, http2=True)
    (locality,) = made.load_assignment.endpoints
    place = locality.lb_endpoints[0].endpoint.address.socket_address
    assert (made.name, made.type, place.address, place.port_value) == ("authz", kind, host, port)
    assert not made.HasField("transport_socket")
    assert list(violations(made)) == []


def test_a_cluster_on_a_unix_socket() -> None:
    """Its path is the address."""
    made = service_cluster("authz", "unix:/run/authz.sock")
    assert made.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.pipe.path == "/run/authz.sock"
    assert (made.type, list(violations(made))) == (Cluster.STATIC, [])


@pytest.mark.parametrize(
    ("address", "tls", "sni", "name"),
    [
        ("authz.example:443", Tls(), "authz.example", "authz.example"),
        ("127.0.0.1:443", Tls(server_name="authz.example"), "authz.example", "authz.example"),
        ("127.0.0.1:443", Tls(), "", "127.0.0.1"),
        ("unix:/run/x", Tls(server_name="authz.example"), "authz.example", "authz.example"),
    ],
)
def test_a_cluster_over_tls_checks_the_certificate(address: str, tls: Tls, sni: str, name: str) -> None:
    """Against authorities and for a name: Envoy checks neither by itself."""
    made = service_cluster("authz", address, tls=tls)
    context = read_config(made.transport_socket.typed_config, UpstreamTlsContext)
    checks = context.common_tls_context.validation_context
    assert (context.sni, checks.trusted_ca.filename) == (sni, "/etc/ssl/certs/ca-certificates.crt")
    assert [each.matcher.exact for each in checks.match_typed_subject_alt_names] == [name]


@pytest.mark.parametrize("address", ["authz.example", "authz.example:", ":80", "a:0", "a:65536", "a:http", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    """With the forms that there are."""
    with pytest.raises(ValueError, match="is no address: write host:port"):
        service_cluster("authz", address)


def test_tls_on_a_unix_socket_needs_a_name() -> None:
    """Nothing could be checked."""
    with pytest.raises(ValueError, match="needs Tls"):
        service_cluster("authz", "unix:/run/x", tls=Tls())


def test_a_grpc_service() -> None:
    """A filter that asks a cluster waits for so long."""
    made = grpc_service("authz", timeout_s=0.25)
    assert (made.envoy_grpc.cluster_name, made.timeout.ToMilliseconds()) == ("authz", 250)
