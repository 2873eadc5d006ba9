"""The names of the field: type URLs, the order in which types are pushed, Envoy Gateway's resource names.

Beside them what a daemon and a command that asks it have to agree on.
"""

from __future__ import annotations

TYPE_PREFIX = "type.googleapis.com/"

LISTENER = TYPE_PREFIX + "envoy.config.listener.v3.Listener"
ROUTE_CONFIGURATION = TYPE_PREFIX + "envoy.config.route.v3.RouteConfiguration"
CLUSTER = TYPE_PREFIX + "envoy.config.cluster.v3.Cluster"
ENDPOINT = TYPE_PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
SECRET = TYPE_PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"

PUSH_ORDER = (CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET)
"""Order of types within one sequence of responses (xDS protocol, Eventual consistency considerations)."""

SHORT_NAMES = {
    LISTENER: "listener",
    ROUTE_CONFIGURATION: "route",
    CLUSTER: "cluster",
    ENDPOINT: "endpoint",
    SECRET: "secret",
}
"""Type URL → the word for it in commands, metrics and the admin API."""

ADMIN_ADDRESS = "127.0.0.1:19080"
"""Of the admin API where no settings file says another."""

REQUEST_HEADER = "X-Egxds-Request"
"""Header of a request to the admin API that is more than a look."""

VERSION_HEADER = "X-Egxds-Version"
"""Header of every answer of the admin API: by it a command tells a daemon from whatever else listens there."""

ERROR_VIRTUAL_HOST = "error_vhost"
ERROR_ROUTE = "error_route"
ERROR_ROUTE_CONFIGURATION = "error_route_configuration"

MISDIRECTED_VIRTUAL_HOST = "misdirected_vhost"
MISDIRECTED_ROUTE = "misdirected_route"

FIXED_VIRTUAL_HOSTS = frozenset({ERROR_VIRTUAL_HOST, MISDIRECTED_VIRTUAL_HOST})
"""Those that answer for traffic that is nobody's; hooks are not asked about them."""

INVALID_BACKEND_CLUSTER = "invalid-backend-cluster"
"""Takes the share of refused backends; it does not exist, which routes to it have answered by 500, and what is no
request is closed, or dropped."""

EMPTY_CLUSTER = "EmptyCluster"
"""Takes the connections that a hook denies; it has no endpoints (Envoy Gateway's name)."""


def host_label(hostname: str) -> str:
    """Return a hostname as it stands inside resource names: dots become underscores."""
    return hostname.replace(".", "_")


def listener_name(namespace: str, gateway: str, listener: str) -> str:
    """Name a Gateway's listener, its filter chain and its RouteConfiguration."""
    return f"{namespace}/{gateway}/{listener}"


def set_listener_name(namespace: str, listener_set: str, listener: str) -> str:
    """Name a listener of a ListenerSet among those of its Gateway: the third part of `listener_name`."""
    return f"{namespace}/{listener_set}/{listener}"


def virtual_host_name(listener: str, hostname: str) -> str:
    """Name the virtual host of one hostname below a listener named by `listener_name`."""
    return f"{listener}/{host_label(hostname)}"


def rule_name(prefix: str, namespace: str, route: str, rule: int) -> str:
    """Name the cluster, and its EDS service, of one rule of a route; the prefix is that of its kind."""
    return f"{prefix}/{namespace}/{route}/rule/{rule}"


def chain_name(prefix: str, namespace: str, route: str) -> str:
    """Name the filter chain of a route that takes connections as a whole; the prefix is that of its kind."""
    return f"{prefix}/{namespace}/{route}"


def backend_name(rule: str, backend: int) -> str:
    """Name the cluster, or the locality, of one backend of a rule named by `rule_name`."""
    return f"{rule}/backend/{backend}"


def mirror_name(owner: str, position: int) -> str:
    """Name the cluster of a mirror: the filter at a position of a rule, or of a backend of one."""
    return f"{owner}-mirror-{position}"


def split_route_name(route: str, backend: int) -> str:
    """Name the xDS route that takes the share of one backend of a rule, where each has a route of its own."""
    return f"{route}/backend/{backend}"


def route_name(rule: str, match: int, hostname: str) -> str:
    """Name the xDS route of one match (-1 where the rule has none) and hostname of a rule."""
    return f"{rule}/match/{match}/{host_label(hostname)}"


def policy_authorities_name(namespace: str, policy: str) -> str:
    """Name the authorities of a BackendTLSPolicy; unlike any name of a TLS secret, whatever namespaces are called."""
    return f"backendtlspolicy/{namespace}/{policy}/ca.crt"


def backend_authorities_name(namespace: str, backend: str) -> str:
    """Name the authorities of a Backend that says itself how it is spoken to."""
    return f"backend/{namespace}/{backend}/ca.crt"


def client_authorities_name(namespace: str, gateway: str, port: int | None) -> str:
    """Name the authorities that clients of a Gateway are trusted by, on one port or, without it, on all others."""
    return f"gateway/{namespace}/{gateway}/{port or 'default'}/ca.crt"


def secret_name(namespace: str, secret: str) -> str:
    """Name a TLS secret."""
    return f"{namespace}/{secret}"
