"""The names of the field: type URLs, the order in which types are pushed, Envoy Gateway's resource names.

Beside them what a daemon and a command that asks it have to agree on.
"""

from __future__ import annotations

from collections.abc import Iterable

TYPE_PREFIX = "type.googleapis.com/"

LISTENER = TYPE_PREFIX + "envoy.config.listener.v3.Listener"
ROUTE_CONFIGURATION = TYPE_PREFIX + "envoy.config.route.v3.RouteConfiguration"
CLUSTER = TYPE_PREFIX + "envoy.config.cluster.v3.Cluster"
ENDPOINT = TYPE_PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
SECRET = TYPE_PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
EXTENSION_CONFIG = TYPE_PREFIX + "envoy.config.core.v3.TypedExtensionConfig"

PUSH_ORDER = (CLUSTER, ENDPOINT, EXTENSION_CONFIG, LISTENER, ROUTE_CONFIGURATION, SECRET)
"""Order of types within one sequence of responses (xDS protocol, Eventual consistency considerations)."""

SHORT_NAMES = {
    LISTENER: "listener",
    ROUTE_CONFIGURATION: "route",
    CLUSTER: "cluster",
    ENDPOINT: "endpoint",
    SECRET: "secret",
    EXTENSION_CONFIG: "extension",
}
"""Type URL → the word for it in commands, metrics and the admin API."""

ENVOY_GATEWAY_KIND = "EnvoyGateway"
"""Kind of Envoy Gateway's own settings file, which is read in the place of one of ours."""

ADMIN_ADDRESS = "127.0.0.1:19080"
"""Of the admin API where no settings file says another."""


def joined_admin_address(host: str, port: int) -> str:
    """Return the address of the admin API, as Envoy Gateway's settings have it in two parts.

    Args:
        host: empty for the usual one.
        port: 0 for the usual one.
    """
    usual_host, _, usual_port = ADMIN_ADDRESS.rpartition(":")
    host = host or usual_host
    return f"{f'[{host}]' if ':' in host else host}:{port or usual_port}"


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
    """Name a Gateway's listener, its filter chain and its RouteConfiguration.

    Where all Gateways of a class are served as one, the listener says itself whose it is (`merged_listener_name`).
    """
    return listener[1:] if listener.startswith("/") else f"{namespace}/{gateway}/{listener}"


def merged_listener_name(namespace: str, gateway: str, listener: str) -> str:
    """Name a Gateway's listener among those of all Gateways of its class: the third part of `listener_name`."""
    return f"/{namespace}/{gateway}/{listener}"


def merged_name(class_name: str) -> str:
    """Name all Gateways of a class where they are served as one, like a Gateway in no namespace."""
    return f"/{class_name}"


def set_listener_name(namespace: str, listener_set: str, listener: str) -> str:
    """Name a listener of a ListenerSet among those of its Gateway: the third part of `listener_name`."""
    return f"{namespace}/{listener_set}/{listener}"


def virtual_host_name(listener: str, hostname: str) -> str:
    """Name the virtual host of one hostname below a listener named by `listener_name`."""
    return f"{listener}/{host_label(hostname)}"


def rule_name(prefix: str, namespace: str, route: str, rule: int) -> str:
    """Name the cluster, and its EDS service, of one rule of a route; the prefix is that of its kind."""
    return f"{prefix}/{namespace}/{route}/rule/{rule}"


def apart_name(rule: str, policy: str) -> str:
    """Name the cluster of a rule at the listeners of a policy, `<namespace>/<name>`, that have it otherwise."""
    return f"{rule}@{policy}"


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


def client_policy_authorities_name(namespace: str, policy: str) -> str:
    """Name the authorities of a ClientTrafficPolicy, as Envoy Gateway does."""
    return f"{namespace}/{policy}/ca.crt"


def backend_authorities_name(namespace: str, backend: str) -> str:
    """Name the authorities of a Backend that says itself how it is spoken to."""
    return f"backend/{namespace}/{backend}/ca.crt"


def backend_certificate_name(namespace: str, backend: str) -> str:
    """Name the certificate that a Backend is shown, where it says itself which."""
    return f"backend/{namespace}/{backend}/tls.crt"


def client_authorities_name(namespace: str, gateway: str, port: int | None) -> str:
    """Name the authorities that clients of a Gateway are trusted by, on one port or, without it, on all others."""
    return f"gateway/{namespace}/{gateway}/{port or 'default'}/ca.crt"


def requirement_name(policies: Iterable[tuple[str, str]]) -> str:
    """Name what a SecurityPolicy asks of requests, or one and the one that it is merged over.

    Args:
        policies: namespace and name of each.
    """
    return "+".join(f"securitypolicy/{namespace}/{policy}" for namespace, policy in policies)


def key_server_name(host: str, port: int, is_encrypted: bool) -> str:
    """Name the cluster of a server of keys that a URI names; one without TLS at the same place is another."""
    name = f"{host_label(host)}_{port}"
    return name if is_encrypted else f"{name}/http"


def own_key_server_name(requirement: str, provider: int) -> str:
    """Name the cluster of the backends that one provider of a requirement has its keys from."""
    return f"{requirement}/jwt/{provider}"


def credential_name(namespace: str, secret: str) -> str:
    """Name the credential in a Secret that requests are given, as Envoy fetches it."""
    return f"credential_injector/credential/{namespace}/{secret}"


def authorization_server_name(requirement: str) -> str:
    """Name the cluster of the servers that decide who gets in, as Envoy Gateway names it."""
    return f"{requirement}/extauth/0"


def secret_name(namespace: str, secret: str) -> str:
    """Name a TLS secret."""
    return f"{namespace}/{secret}"
