"""What a Listener or a Cluster refers to: the resources that Envoy fetches by name on its behalf. Pure.

Envoy does not ask again for a resource it already watches, not even where a changed parent waits for it, so a
session must know the children of whatever it sends (xDS protocol, Resource warming).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2

# Imported for the payloads alone: a type that is not loaded stays an opaque Any.
from envoy.extensions.filters.http.credential_injector.v3 import credential_injector_pb2 as _credentials  # noqa: F401
from envoy.extensions.filters.http.oauth2.v3 import oauth_pb2 as _oauth2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.http.injected_credentials.generic.v3 import generic_pb2 as _generic_credential  # noqa: F401
from envoy.extensions.http.injected_credentials.oauth2.v3 import oauth2_pb2 as _oauth2_credential  # noqa: F401
from envoy.extensions.transport_sockets.http_11_proxy.v3 import upstream_http_11_connect_pb2 as _http_11  # noqa: F401
from envoy.extensions.transport_sockets.internal_upstream.v3 import internal_upstream_pb2 as _internal  # noqa: F401
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2 as _proxy  # noqa: F401
from envoy.extensions.transport_sockets.quic.v3 import quic_transport_pb2 as _quic  # noqa: F401
from envoy.extensions.transport_sockets.starttls.v3 import starttls_pb2 as _starttls  # noqa: F401
from envoy.extensions.transport_sockets.tap.v3 import tap_pb2 as _tap  # noqa: F401
from envoy.extensions.transport_sockets.tcp_stats.v3 import tcp_stats_pb2 as _tcp_stats  # noqa: F401
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as _tls  # noqa: F401
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as _protocol_options  # noqa: F401
from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from egxds import names
from egxds.resources.resource import Key

_ANY = any_pb2.Any.DESCRIPTOR.full_name
_CLUSTER = cluster_pb2.Cluster.DESCRIPTOR.full_name
_RDS = http_connection_manager_pb2.Rds.DESCRIPTOR.full_name
_SDS = secret_pb2.SdsSecretConfig.DESCRIPTOR.full_name

_PARENTS: dict[str, Callable[[], Message]] = {
    names.LISTENER: listener_pb2.Listener,
    names.CLUSTER: cluster_pb2.Cluster,
}


def children_of(type_url: str, body: bytes) -> tuple[Key, ...]:
    """Name the resources that a resource has Envoy fetch.

    Args:
        type_url: its type; only Listeners and Clusters have children.
        body: the encoded message; the answer depends on nothing else.

    Returns:
        RouteConfigurations and secrets of a Listener, endpoints and secrets of a Cluster, sorted. References
        inside an `Any` are found where its type is known.

    Raises:
        google.protobuf.message.DecodeError: the body is no message of that type.
    """
    parent = _PARENTS.get(type_url)
    if parent is None:
        return ()
    message = parent()
    message.ParseFromString(body)
    found: set[Key] = set()
    _collect(message, found)
    return tuple(sorted(found))


def _collect(message: Message, found: set[Key]) -> None:
    """Add what a message, and every message inside it, refers to."""
    found.update(_referred(message))
    for field, value in message.ListFields():
        kind = field.message_type
        for part in _messages(kind, value) if kind is not None else ():
            whole = _unpacked(part) if part.DESCRIPTOR.full_name == _ANY else part
            if whole is not None:
                _collect(whole, found)


def _referred(part: Any) -> Iterator[Key]:
    kind = part.DESCRIPTOR.full_name
    if kind == _RDS and part.HasField("config_source"):
        yield names.ROUTE_CONFIGURATION, part.route_config_name
    elif kind == _SDS and part.HasField("sds_config"):
        yield names.SECRET, part.name
    elif kind == _CLUSTER and part.WhichOneof("cluster_discovery_type") == "type" and part.type == part.EDS:
        yield names.ENDPOINT, part.eds_cluster_config.service_name or part.name


def _messages(kind: Descriptor, value: Any) -> Iterable[Message]:
    """Return the messages that one set field holds."""
    if isinstance(value, Message):
        return (value,)
    if not kind.GetOptions().map_entry:
        return cast("Iterable[Message]", value)
    is_map_of_messages = kind.fields_by_name["value"].message_type is not None
    return cast("Iterable[Message]", value.values()) if is_map_of_messages else ()


def _unpacked(packed: Any) -> Message | None:
    """Return what an `Any` holds; None where its type is not known or its bytes do not fit it."""
    try:
        kind = descriptor_pool.Default().FindMessageTypeByName(packed.type_url.rpartition("/")[2])
        return message_factory.GetMessageClass(kind).FromString(packed.value)
    except (KeyError, DecodeError):
        return None
