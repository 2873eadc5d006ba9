"""A Gateway to try hooks on, made by hand, and a way to read what became of it.

`shop/gw` has a plain and a TLS listener. The plain one routes a.example (one route with an extension's object, one
without) and b.example; the TLS one routes a.example.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2, tls_pb2

from egxds import names
from egxds.hooks.policy.outcome import HookedGateway
from egxds.incremental.revision import Revision
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode, pack
from egxds.resources.resource import ExtensionResource, Resource
from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost, VirtualHosts
from egxds.resources.translation import GatewayTranslation, HookContext
from tests.revisions import listed, named

GATEWAY = "shop/gw"
HTTP = "shop/gw/http"
HTTPS = "shop/gw/https"
HOST_A = f"{HTTP}/a_example"
HOST_B = f"{HTTP}/b_example"
TLS_HOST_A = f"{HTTPS}/a_example"
ROUTE_EXTENDED = "httproute/shop/cart/rule/0/match/0/a_example"
ROUTE_PLAIN = "httproute/shop/cart/rule/1/match/0/a_example"
ROUTE_B = "httproute/shop/cart/rule/0/match/0/b_example"
CLUSTER = "httproute/shop/cart/rule/0"
SECRET = "shop/cert"
GATEWAY_SOURCE = ObjectKey("gateway.networking.k8s.io", "Gateway", "shop", "gw")
ROUTE_SOURCE = ObjectKey("gateway.networking.k8s.io", "HTTPRoute", "shop", "cart")
CART_FILTER = ExtensionResource("example.io", "CartFilter", b'{"metadata":{"name":"cart-filter"}}')
CONTEXT = HookContext(clusters=Revision({CLUSTER: (CART_FILTER,)}))


def listener(name: str, port: int = 80, secret: str = "", configuration: str | None = None) -> Resource:
    """Make a listener that asks for its RouteConfiguration, of its own name if no other is given, over RDS."""
    manager = http_connection_manager_pb2.HttpConnectionManager(stat_prefix="http")
    manager.rds.route_config_name = configuration or name
    manager.rds.config_source.ads.SetInParent()
    message = listener_pb2.Listener(name=name)
    message.address.socket_address.address = "0.0.0.0"
    message.address.socket_address.port_value = port
    chain = message.filter_chains.add(name=name) if secret else message.default_filter_chain
    chain.filters.add(name="hcm").typed_config.CopyFrom(pack(manager))
    if secret:
        tls = tls_pb2.DownstreamTlsContext()
        config = tls.common_tls_context.tls_certificate_sds_secret_configs.add(name=secret)
        config.sds_config.ads.SetInParent()
        chain.transport_socket.name = "tls"
        chain.transport_socket.typed_config.CopyFrom(pack(tls))
    return Resource(names.LISTENER, name, encode(message), (GATEWAY_SOURCE,))


def route(name: str, cluster: str = CLUSTER, extensions: tuple[ExtensionResource, ...] = ()) -> Route:
    """Make a route to a cluster."""
    message = route_components_pb2.Route(name=name)
    message.match.prefix = f"/{name[-12:]}"
    message.route.cluster = cluster
    return Route(name, encode(message), (ROUTE_SOURCE,), extensions, ("a.example",))


def virtual_host(name: str, domains: tuple[str, ...], *routes: Route) -> VirtualHost:
    """Make a virtual host."""
    head = route_components_pb2.VirtualHost(name=name, domains=domains)
    return VirtualHost(name, domains, encode(head), routes, (ROUTE_SOURCE,))


def route_configuration(name: str, *hosts: VirtualHost) -> RouteConfiguration:
    """Make a RouteConfiguration."""
    return RouteConfiguration(
        name, encode(route_pb2.RouteConfiguration(name=name)), VirtualHosts(hosts), (GATEWAY_SOURCE,)
    )


def cluster(name: str = CLUSTER, timeout_s: int = 10) -> Resource:
    """Make a cluster that EDS delivers the endpoints of."""
    message = cluster_pb2.Cluster(name=name, type=cluster_pb2.Cluster.EDS)
    message.eds_cluster_config.eds_config.ads.SetInParent()
    message.connect_timeout.FromSeconds(timeout_s)
    return Resource(names.CLUSTER, name, encode(message), (ROUTE_SOURCE,))


def endpoints(name: str = CLUSTER, port: int = 8080) -> Resource:
    """Make the endpoints of a cluster."""
    message = endpoint_pb2.ClusterLoadAssignment(cluster_name=name)
    address = message.endpoints.add().lb_endpoints.add().endpoint.address.socket_address
    address.address = "127.0.0.1"
    address.port_value = port
    return Resource(names.ENDPOINT, name, encode(message), (ROUTE_SOURCE,))


def secret(name: str = SECRET) -> Resource:
    """Make a TLS secret."""
    message = secret_pb2.Secret(name=name)
    message.tls_certificate.certificate_chain.inline_string = f"certificate of {name}"
    return Resource(names.SECRET, name, encode(message), (GATEWAY_SOURCE,))


def translation() -> GatewayTranslation:
    """Make `shop/gw`."""
    return GatewayTranslation(
        gateway=GATEWAY,
        class_name="envoy",
        listeners=named([listener(HTTP), listener(HTTPS, 443, SECRET)]),
        route_configurations=named(
            [
                route_configuration(
                    HTTP,
                    virtual_host(
                        HOST_A, ("a.example",), route(ROUTE_EXTENDED, extensions=(CART_FILTER,)), route(ROUTE_PLAIN)
                    ),
                    virtual_host(HOST_B, ("b.example",), route(ROUTE_B)),
                ),
                route_configuration(HTTPS, virtual_host(TLS_HOST_A, ("a.example",), route(ROUTE_PLAIN))),
            ]
        ),
        clusters=named([cluster()]),
        endpoints=named([endpoints()]),
        secrets=named([secret()]),
        context=CONTEXT,
    )


def with_more_hosts(count: int) -> GatewayTranslation:
    """Make `shop/gw` with more virtual hosts on its plain listener."""
    base = translation()
    plain = base.route_configurations[HTTP]
    more = (virtual_host(f"{HTTP}/h{at:04}", (f"h{at:04}.example",), route(ROUTE_B)) for at in range(count))
    hosts = plain.virtual_hosts.edited({host.name: host for host in more})
    edited = {HTTP: replace(plain, virtual_hosts=hosts)}
    return replace(base, route_configurations=base.route_configurations.edited(edited))


@dataclass(frozen=True, slots=True)
class Seen:
    """What clients of a published Gateway would see.

    Attributes:
        answers: (RouteConfiguration, domain, route) → the cluster that answers, or `500`.
        listeners: name → the message.
        bodies: (type URL, name) → the bytes.
    """

    answers: dict[tuple[str, str, str], str]
    listeners: dict[str, listener_pb2.Listener]
    bodies: dict[tuple[str, str], bytes]

    def answer(self, configuration: str, domain: str) -> set[str]:
        """Return all answers for one domain."""
        return {answer for key, answer in self.answers.items() if key[:2] == (configuration, domain)}

    def names(self, type_url: str) -> set[str]:
        """Return the names of one type."""
        return {name for kind, name in self.bodies if kind == type_url}


def published(hooked: HookedGateway) -> tuple[object, ...]:
    """Return all that is published and remembered, to be compared with another run's."""
    accepted = hooked.accepted
    whole = accepted.resources and listed(accepted.resources)
    return hooked.gateway, hooked.outcome, hooked.failures, listed(hooked.resources), whole, accepted.parts


def see(hooked: HookedGateway) -> Seen:
    """Read what is published, checking that every name is the one in the message and no domain is there twice."""
    answers: dict[tuple[str, str, str], str] = {}
    listeners = {}
    bodies = {(item.type_url, item.name): item.body for item in listed(hooked.resources)}
    for item in listed(hooked.resources):
        if item.type_url == names.LISTENER:
            listeners[item.name] = listener_pb2.Listener.FromString(item.body)
            assert listeners[item.name].name == item.name
        elif item.type_url == names.ROUTE_CONFIGURATION:
            answers |= _answers(route_pb2.RouteConfiguration.FromString(item.body), item.name)
    return Seen(answers, listeners, bodies)


def _answers(message: route_pb2.RouteConfiguration, name: str) -> dict[tuple[str, str, str], str]:
    assert message.name == name
    domains = [domain for host in message.virtual_hosts for domain in host.domains]
    assert len(domains) == len(set(domains))
    return {
        (name, domain, item.name): item.route.cluster or str(item.direct_response.status)
        for host in message.virtual_hosts
        for domain in host.domains
        for item in host.routes
    }
