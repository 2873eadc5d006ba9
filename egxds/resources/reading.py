"""Reads resources that others have written (hooks, patches), encoded again deterministically. Pure.

A reply to a Translation call holds all that a Gateway has, and mostly what the last one held. So it is cut into
resources and virtual hosts, and of those what has been read before, byte for byte, is not read again: to judge a
virtual host takes 150 µs, and to find it by its bytes one. A virtual host by itself is refused for the same reasons
as within its RouteConfiguration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf.message import Message

from egxds import names
from egxds.errors import UnreadableMessageError
from egxds.grpc.encoded_fields import LENGTH_DELIMITED, MAX_DEPTH, EncodedField, MalformedMessageError, scan
from egxds.resources.canonical import MAX_BODY_BYTES, canonical
from egxds.resources.encoding import encode
from egxds.resources.references import Reference, References, configuration_references, virtual_host_references
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost, VirtualHosts
from egxds.resources.validation.filter_chains import chain_faults
from egxds.resources.validation.violations import violations

_M = TypeVar("_M", bound=Message)

Types = frozenset[str]
"""Names of types of extensions that a reply may have beyond those that are known."""

_VIRTUAL_HOSTS = 2
"""Field of a RouteConfiguration."""

_REMEMBERED_BODIES = 32768
_LARGEST_REMEMBERED_BYTES = 4096
"""Larger ones are read anew each time: there are few, and to remember them would keep many versions of each alive."""

_MESSAGES: dict[str, tuple[type[Message], str]] = {
    names.CLUSTER: (cluster_pb2.Cluster, "name"),
    names.ENDPOINT: (endpoint_pb2.ClusterLoadAssignment, "cluster_name"),
    names.LISTENER: (listener_pb2.Listener, "name"),
    names.SECRET: (secret_pb2.Secret, "name"),
}
"""Type URL → class, and the field that holds its resource name."""


class UnusableResourceError(Exception):
    """A resource cannot be used: Envoy would refuse it, or it is not what was asked for."""


def _read(message_class: type[_M], body: bytes, allowed: Types) -> _M:
    """Read a message that Envoy would not refuse for itself; its encoding is deterministic.

    Args:
        message_class: its type.
        body: the encoded message.
        allowed: types of extensions beyond those that are known.

    Raises:
        UnusableResourceError: Envoy would.
        UnreadableMessageError: it does not parse.
    """
    message = message_class.FromString(canonical(message_class, body))
    _refuse_first(violations(message, allowed=allowed))
    return message


def _refuse_first(faults: Iterator[str]) -> None:
    fault = next(faults, None)
    if fault is not None:
        raise UnusableResourceError(f"Envoy would refuse it: {fault}")


def read_route(body: bytes, allowed: Types) -> Route:
    """Read one route; it has no sources."""
    message = _read(route_components_pb2.Route, body, allowed)
    return Route(message.name, encode(message))


def read_virtual_host(body: bytes, allowed: Types) -> VirtualHost:
    """Read one virtual host; it has no sources."""
    host = _split_virtual_host(_read(route_components_pb2.VirtualHost, body, allowed))
    _check_domains((host,), f"virtual host {host.name}")
    return host


def read_resource(type_url: str, body: bytes, allowed: Types) -> Resource:
    """Read a listener, cluster, secret or load assignment; it has no sources."""
    message_class, name_field = _MESSAGES[type_url]
    message = _read(message_class, body, allowed)
    name: str = getattr(message, name_field)
    if not name:
        raise UnusableResourceError(f"a {names.SHORT_NAMES[type_url]} has no name")
    if isinstance(message, listener_pb2.Listener):
        _refuse_first(f"listener {name!r}: {fault}" for fault in chain_faults(message))
    return Resource(type_url, name, encode(message))


def read_resources(type_url: str, bodies: Iterable[bytes], allowed: Types) -> tuple[Resource, ...]:
    """Read resources of one type; no name may be there twice."""
    resources = tuple(
        (_small_resource if _is_small(body) else read_resource)(type_url, body, allowed) for body in bodies
    )
    _check_unique(names.SHORT_NAMES[type_url], (resource.name for resource in resources))
    return resources


def read_route_configurations(
    bodies: Iterable[bytes], allowed: Types
) -> tuple[tuple[RouteConfiguration, ...], References]:
    """Read RouteConfigurations, no name may be there twice; return what they refer to, too."""
    read = [_read_route_configuration(body, allowed) for body in bodies]
    _check_unique("RouteConfiguration", (configuration.name for configuration, _ in read))
    return tuple(item for item, _ in read), frozenset[Reference]().union(*(found for _, found in read))


def _read_route_configuration(body: bytes, allowed: Types) -> tuple[RouteConfiguration, References]:
    fields = _fields(body)
    parts = [body[field.value : field.end] for field in fields if _is_virtual_host(field)]
    head = b"".join(body[field.start : field.end] for field in fields if not _is_virtual_host(field))
    message = _read(route_pb2.RouteConfiguration, head, allowed)
    if not message.name:
        raise UnusableResourceError("a RouteConfiguration has no name")
    read = [_host_at(at, part, allowed) for at, part in enumerate(parts)]
    hosts = [host for host, _ in read]
    _check_unique(f"virtual host of {message.name}", (host.name for host in hosts))
    _check_domains(hosts, f"RouteConfiguration {message.name}")
    configuration = RouteConfiguration(message.name, encode(message), VirtualHosts(hosts))
    return configuration, _head_references(configuration).union(*(found for _, found in read))


def _fields(body: bytes) -> list[EncodedField]:
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableMessageError(f"{len(body)} bytes are more than the {MAX_BODY_BYTES} that one message may have")
    try:
        return list(scan(body, MAX_DEPTH))
    except MalformedMessageError as err:
        raise UnreadableMessageError(f"not a RouteConfiguration: {err}") from err


def _is_virtual_host(field: EncodedField) -> bool:
    return field.number == _VIRTUAL_HOSTS and field.wire_type == LENGTH_DELIMITED


def _head_references(configuration: RouteConfiguration) -> References:
    return configuration_references(RouteConfiguration(configuration.name, configuration.head, VirtualHosts()))


def _host_at(at: int, body: bytes, allowed: Types) -> tuple[VirtualHost, References]:
    """Read one virtual host of a RouteConfiguration, and what it refers to."""
    try:
        return (_small_host if _is_small(body) else _read_host)(body, allowed)
    except UnusableResourceError as err:
        raise UnusableResourceError(f"virtual_hosts[{at}]: {err}") from err


def _read_host(body: bytes, allowed: Types) -> tuple[VirtualHost, References]:
    host = _split_virtual_host(_read(route_components_pb2.VirtualHost, body, allowed))
    return host, virtual_host_references(host)


def _is_small(body: bytes) -> bool:
    return len(body) <= _LARGEST_REMEMBERED_BYTES


_small_host = lru_cache(maxsize=_REMEMBERED_BODIES)(_read_host)
_small_resource = lru_cache(maxsize=_REMEMBERED_BODIES)(read_resource)


def _split_virtual_host(message: route_components_pb2.VirtualHost) -> VirtualHost:
    routes = tuple(Route(route.name, encode(route)) for route in message.routes)
    domains = tuple(sorted(message.domains))
    del message.routes[:]
    message.domains[:] = domains
    return VirtualHost(message.name, domains, encode(message), routes)


def _check_unique(what: str, found: Iterable[str]) -> None:
    for name, count in Counter(found).items():
        if count > 1:
            raise UnusableResourceError(f"the {what} {name!r} is there {count} times")


def _check_domains(hosts: Iterable[VirtualHost], where: str) -> None:
    """Check that no domain is there twice: Envoy would refuse the whole RouteConfiguration.

    Envoy compares domains in lower case (RouteConfiguration.virtual_hosts, "domains must be unique").
    """
    found: list[str] = []
    for host in hosts:
        found.extend(domain.lower() for domain in host.domains)
    _check_unique(f"domain in {where}:", found)
