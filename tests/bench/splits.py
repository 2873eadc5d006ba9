"""One table of virtual hosts, brought to Envoy in several ways: whole, without metadata, split by SRDS or by VHDS.

The virtual hosts are as egxds makes them, of one route each. docs/route-configuration-size.md says what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2, scoped_route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2

from egxds import names
from tests.bench import documents
from tests.bench.bare_server import Bodies

SCOPE = names.TYPE_PREFIX + "envoy.config.route.v3.ScopedRouteConfiguration"
VIRTUAL_HOST = names.TYPE_PREFIX + "envoy.config.route.v3.VirtualHost"

_NAME = documents.HTTP
_V3, _OVERWRITE = 2, 2

# Messages of xds-protos carry no type hints.
_Message = Any


@dataclass(frozen=True)
class Way:
    """How virtual hosts get to an Envoy.

    Attributes:
        name: for the table.
        configure: says in the connection manager where routes come from.
        bodies: everything, for a number of hosts and the first one's content.
        changed: what is pushed when the first one's content changes.
    """

    name: str
    configure: Callable[[_Message], None]
    bodies: Callable[[int, str], Bodies]
    changed: Callable[[int, str], Bodies]


def listener(port: int, way: Way) -> bytes:
    """Return the listener, encoded."""
    made: _Message = listener_pb2.Listener(name=_NAME)
    made.address.socket_address.address = "127.0.0.1"
    made.address.socket_address.port_value = port
    manager: _Message = http_connection_manager_pb2.HttpConnectionManager(stat_prefix="http")
    way.configure(manager)
    manager.http_filters.add(name="envoy.filters.http.router").typed_config.Pack(router_pb2.Router())
    chain = made.filter_chains.add()
    chain.filters.add(name="envoy.filters.network.http_connection_manager").typed_config.Pack(manager)
    return _encode(made)


def _from_ads(source: _Message) -> None:
    source.ads.SetInParent()
    source.resource_api_version = _V3


def _by_rds(manager: _Message) -> None:
    manager.rds.route_config_name = _NAME
    _from_ads(manager.rds.config_source)


def _by_scope(manager: _Message) -> None:
    """Take the scope from the host; what follows a colon is the port, and no part of the key."""
    scoped = manager.scoped_routes
    scoped.name = _NAME
    extractor = scoped.scope_key_builder.fragments.add().header_value_extractor
    extractor.name, extractor.element_separator, extractor.index = ":authority", ":", 0
    _from_ads(scoped.rds_config_source)
    _from_ads(scoped.scoped_rds.scoped_rds_config_source)


def _virtual_host(number: int, content: str, *, name: str, route_metadata: bool, host_metadata: bool) -> _Message:
    made: _Message = route_components_pb2.VirtualHost(name=name, domains=[documents.host(number)])
    rule = f"httproute/default/route-{number}/rule/0"
    route = made.routes.add(name=f"{rule}/match/0/{names.host_label(documents.host(number))}")
    route.match.prefix = "/"
    if number == 0:
        route.direct_response.status = 200
    else:
        route.route.cluster = rule
        route.route.upgrade_configs.add(upgrade_type="websocket")
    header = route.response_headers_to_add.add(append_action=_OVERWRITE).header
    header.key, header.value = documents.CONTENT, content
    if route_metadata:
        _describe(route.metadata, kind="HTTPRoute", namespace="default", name=f"route-{number}")
    if host_metadata:
        _describe(made.metadata, kind="Gateway", namespace="default", name="web", sectionName="http")
    return made


def _describe(metadata: _Message, **fields: str) -> None:
    resources = metadata.filter_metadata["envoy-gateway"].fields["resources"]
    resource = resources.list_value.values.add().struct_value
    for name, value in fields.items():
        resource.fields[name].string_value = value


def _host(number: int, content: str, name: str | None = None, *, has_metadata: bool = True) -> _Message:
    called = name or names.virtual_host_name(_NAME, documents.host(number))
    return _virtual_host(number, content, name=called, route_metadata=has_metadata, host_metadata=has_metadata)


def _whole(*, route_metadata: bool = True, host_metadata: bool = True) -> Callable[[int, str], Bodies]:
    def bodies(count: int, content: str) -> Bodies:
        made: _Message = route_pb2.RouteConfiguration(name=_NAME, ignore_port_in_host_matching=True)
        for number in range(count):
            host = _virtual_host(
                number,
                "first" if number else content,
                name=names.virtual_host_name(_NAME, documents.host(number)),
                route_metadata=route_metadata,
                host_metadata=host_metadata,
            )
            made.virtual_hosts.append(host)
        return {names.ROUTE_CONFIGURATION: {_NAME: _encode(made)}}

    return bodies


def _own_configuration(number: int, content: str) -> bytes:
    made: _Message = route_pb2.RouteConfiguration(name=f"{_NAME}/{number}", ignore_port_in_host_matching=True)
    made.virtual_hosts.append(_host(number, content))
    return _encode(made)


def _scope(number: int) -> bytes:
    name = f"{_NAME}/{number}"
    made: _Message = scoped_route_pb2.ScopedRouteConfiguration(name=name, route_configuration_name=name)
    made.key.fragments.add(string_key=documents.host(number))
    return _encode(made)


def _scopes(count: int, content: str) -> Bodies:
    configurations = {f"{_NAME}/{i}": _own_configuration(i, "first" if i else content) for i in range(count)}
    return {
        SCOPE: {f"{_NAME}/{i}": _scope(i) for i in range(count)},
        names.ROUTE_CONFIGURATION: configurations,
    }


def _of_scope(_count: int, content: str) -> Bodies:
    return {names.ROUTE_CONFIGURATION: {f"{_NAME}/0": _own_configuration(0, content)}}


def _named_host(number: int, content: str, *, has_metadata: bool) -> dict[str, bytes]:
    # Envoy removes a virtual host only where its name is that of the resource.
    name = f"{_NAME}/{documents.host(number)}"
    return {name: _encode(_host(number, content, name, has_metadata=has_metadata))}


def _discovered(*, has_metadata: bool) -> Callable[[int, str], Bodies]:
    def bodies(count: int, content: str) -> Bodies:
        made: _Message = route_pb2.RouteConfiguration(name=_NAME, ignore_port_in_host_matching=True)
        _from_ads(made.vhds.config_source)
        hosts: dict[str, bytes] = {}
        for number in range(count):
            hosts.update(_named_host(number, "first" if number else content, has_metadata=has_metadata))
        return {names.ROUTE_CONFIGURATION: {_NAME: _encode(made)}, VIRTUAL_HOST: hosts}

    return bodies


def _of_virtual_host(*, has_metadata: bool) -> Callable[[int, str], Bodies]:
    return lambda _count, content: {VIRTUAL_HOST: _named_host(0, content, has_metadata=has_metadata)}


def _encode(message: _Message) -> bytes:
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


_WITHOUT_HOST, _WITHOUT_ROUTE = _whole(host_metadata=False), _whole(route_metadata=False)
_WITHOUT = _whole(route_metadata=False, host_metadata=False)

WAYS = (
    Way("whole", _by_rds, _whole(), _whole()),
    Way("no host metadata", _by_rds, _WITHOUT_HOST, _WITHOUT_HOST),
    Way("no route metadata", _by_rds, _WITHOUT_ROUTE, _WITHOUT_ROUTE),
    Way("no metadata", _by_rds, _WITHOUT, _WITHOUT),
    Way("SRDS", _by_scope, _scopes, _of_scope),
    Way("VHDS", _by_rds, _discovered(has_metadata=True), _of_virtual_host(has_metadata=True)),
    Way("VHDS, no metadata", _by_rds, _discovered(has_metadata=False), _of_virtual_host(has_metadata=False)),
)
