"""From which objects a resource was made, as its metadata and its name say. Pure.

A request carries little of it, and Envoy Gateway's carries no more. What stands in the resource itself is the same from
both: metadata `envoy-gateway` with the object's kind, namespace, name and section, and names that are put together of
those (`egxds.names`). Metadata comes first; a name that is put together in another way tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from google.protobuf.struct_pb2 import Struct

_FILTER_NAMESPACE = "envoy-gateway"
_ANNOTATION_PREFIX = "gateway.envoyproxy.io/"
_KEYS = ("kind", "namespace", "name", "sectionName")
_GATEWAY = "Gateway"
_CONNECTION_MANAGER = ".HttpConnectionManager"
_RULE_NAME = re.compile(
    r"(?P<prefix>[a-z]+route)/(?P<namespace>[^/]+)/(?P<name>[^/]+)/rule/(?P<rule>\d+)"
    r"(?:/(?:match/(?P<match>-?\d+)/.*|backend/(?P<backend>\d+)))?"
)
_LISTENER_NAME = re.compile(r"(?P<namespace>[^/]+)/(?P<name>[^/]+)/(?P<listener>[^/]+)(?:/.*)?")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A Gateway.

    Attributes:
        namespace: its namespace.
        name: its name.
        labels: of it; Envoy Gateway tells none.
        annotations: of it; Envoy Gateway tells those of virtual hosts that begin with `gateway.envoyproxy.io/`.
    """

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class GatewayListener:
    """A listener of a Gateway.

    Attributes:
        name: its name in the Gateway.
        port: its port; 0 where that is not told.
        protocol: `HTTP` or `HTTPS`; empty where that is not told.
        hostname: what it is for; empty for every hostname, and where that is not told.
    """

    name: str
    port: int = 0
    protocol: str = ""
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a route of Gateway API.

    Attributes:
        kind: of the route, such as `HTTPRoute`.
        namespace: its namespace.
        name: its name.
        index: which of its rules, from 0.
        rule_name: the name of the rule; empty where it has none.
        annotations: those of the route that begin with `gateway.envoyproxy.io/`.
    """

    kind: str
    namespace: str
    name: str
    index: int
    rule_name: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name} rule {self.index}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is.

    Attributes:
        gateway: the Gateway; nothing where that is not told.
        listener: the listener of it; nothing where that is not told.
    """

    gateway: Gateway | None = None
    listener: GatewayListener | None = None


@dataclass(frozen=True, slots=True)
class NamedRule:
    """What the name of a route, of a cluster or of endpoints says.

    Attributes:
        rule: the rule; nothing where the name is none of a rule.
        match: which of its matches, from 0; nothing where it has none, and for clusters.
        backend: which of its backends, from 0; nothing where one cluster is for all of them.
    """

    rule: Rule | None = None
    match: int | None = None
    backend: int | None = None


@dataclass(frozen=True, slots=True)
class _Origin:
    kind: str = ""
    namespace: str = ""
    name: str = ""
    section: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


_KINDS = {kind.lower(): kind for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")}


def named_rule(name: str, metadata: Metadata | None = None) -> NamedRule:
    """Say which rule something was made from.

    Args:
        name: of the route, the cluster or the endpoints.
        metadata: of it, where it has any of its own.
    """
    found = _RULE_NAME.fullmatch(name)
    if found is None:
        return NamedRule()
    origin = _origin(metadata) if metadata is not None else _Origin()
    rule = Rule(
        kind=origin.kind or _KINDS.get(found["prefix"], found["prefix"]),
        namespace=origin.namespace or found["namespace"],
        name=origin.name or found["name"],
        index=int(found["rule"]),
        rule_name=origin.section,
        annotations=origin.annotations,
    )
    return NamedRule(rule, _index(found["match"]), _index(found["backend"]))


def place_of_host(host: VirtualHost) -> Place:
    """Say at which listener of which Gateway a virtual host is."""
    origin = _origin(host.metadata)
    if origin.kind != _GATEWAY:
        return named_place(host.name)
    gateway = Gateway(origin.namespace, origin.name, annotations=origin.annotations)
    return Place(gateway, GatewayListener(origin.section) if origin.section else None)


def named_place(name: str) -> Place:
    """Say what the name of a listener, a filter chain, a RouteConfiguration or a virtual host says."""
    found = _LISTENER_NAME.fullmatch(name)
    if found is None:
        return Place()
    return Place(Gateway(found["namespace"], found["name"]), GatewayListener(found["listener"]))


def places_of_listener(listener: Listener) -> tuple[Place, ...]:
    """Say which listeners of Gateways are behind an Envoy listener: one for each filter chain that is named after one.

    The listeners that share a chain are not told apart there, and only the first of them is known.
    """
    chains = (
        *listener.filter_chains,
        *((listener.default_filter_chain,) if listener.default_filter_chain.name else ()),
    )
    port = listener.address.socket_address.port_value
    found = (_place_of_chain(chain, port) for chain in chains)
    return tuple(place for place in found if place.listener is not None) or (named_place(listener.name),)


def _place_of_chain(chain: FilterChain, port: int) -> Place:
    named = named_place(chain.name)
    if named.listener is None:
        return named
    hostname = next(iter(chain.filter_chain_match.server_names), "")
    is_http = any(filter_.typed_config.type_url.endswith(_CONNECTION_MANAGER) for filter_ in chain.filters)
    secured = "HTTPS" if is_http else "TLS"
    protocol = secured if chain.HasField("transport_socket") else "HTTP" if is_http else ""
    return Place(named.gateway, GatewayListener(named.listener.name, port, protocol, hostname))


def _origin(metadata: Metadata) -> _Origin:
    # Asked for first: to index a map of protobuf adds what it does not have.
    if _FILTER_NAMESPACE not in metadata.filter_metadata:
        return _Origin()
    fields = metadata.filter_metadata[_FILTER_NAMESPACE].fields
    entries = fields["resources"].list_value.values if "resources" in fields else ()
    return next((_read(entry.struct_value) for entry in entries), _Origin())


def _read(entry: Struct) -> _Origin:
    values: Mapping[str, Any] = entry.fields
    kind, namespace, name, section = (values[key].string_value if key in values else "" for key in _KEYS)
    noted = values["annotations"].struct_value.fields if "annotations" in values else {}
    return _Origin(
        kind, namespace, name, section, {_ANNOTATION_PREFIX + key: noted[key].string_value for key in sorted(noted)}
    )


def _index(number: str | None) -> int | None:
    return int(number) if number is not None and int(number) >= 0 else None
