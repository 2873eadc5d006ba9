"""Wire room: discovery messages as bytes ↔ the sessions' requests and responses. Pure.

An Envoy sends its node, 60 kB of it, with the first request of a stream or with every one. Nothing of a
message is kept but what `Request` has room for.
"""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.message import DecodeError

from egxds.cut_text import cut, cut_identity
from egxds.errors import RemoteProtocolError
from egxds.generated import discovery_pb2
from egxds.resources.refusal_text import without_quotes
from egxds.sessions.events import Node, Refusal, Request, Response
from egxds.snapshot.snapshot import VersionedResource
from egxds.wire.xds.reported_versions import ReportedVersions

MAX_NAMES = 250_000
"""Names and versions that one request may hold: an Envoy that reconnects has, and asks for, 100,000 of them."""

MAX_NODE_CHARACTERS = 320
"""Of each text of a node; a longer one is cut, with its hash. The longest `NAMESPACE/GATEWAY` has 317."""

_MAX_TYPE_CHARACTERS = 256
_MAX_ERROR_CHARACTERS = 16 * 1024
"""Of what a client says about a refusal; Envoy itself says 4 kB."""

_INVALID_ARGUMENT = 3
_RESOURCE_EXHAUSTED = 8


def decode_request(message: bytes, reported: ReportedVersions) -> Request:
    """Read a DeltaDiscoveryRequest.

    Args:
        message: as it came from the stream, without its length prefix.
        reported: reads the versions that a client holds.

    Raises:
        RemoteProtocolError: the bytes are no such message, or they hold too many names.
    """
    try:
        return _request(discovery_pb2.DeltaDiscoveryRequest.FromString(message), reported)
    except DecodeError as err:
        raise RemoteProtocolError(_INVALID_ARGUMENT, f"not a DeltaDiscoveryRequest: {err}") from err


def _request(decoded: discovery_pb2.DeltaDiscoveryRequest, reported: ReportedVersions) -> Request:
    if len(decoded.type_url) > _MAX_TYPE_CHARACTERS:
        raise RemoteProtocolError(_INVALID_ARGUMENT, f"no type has a URL of {len(decoded.type_url)} characters")
    names = _count_names(decoded)
    if names > MAX_NAMES:
        raise RemoteProtocolError(_RESOURCE_EXHAUSTED, f"{names} names in one request; {MAX_NAMES} are allowed")
    return Request(
        type_url=decoded.type_url,
        node=_node(decoded.node) if decoded.HasField("node") else None,
        subscribe=tuple(decoded.resource_names_subscribe),
        unsubscribe=tuple(decoded.resource_names_unsubscribe),
        initial_versions=reported.read(decoded.initial_resource_versions),
        nonce=decoded.response_nonce,
        refusal=_refusal(decoded) if decoded.HasField("error_detail") else None,
    )


def _count_names(decoded: discovery_pb2.DeltaDiscoveryRequest) -> int:
    fields = (
        decoded.resource_names_subscribe,
        decoded.resource_names_unsubscribe,
        decoded.initial_resource_versions,
    )
    return sum(len(field) for field in fields)


def _node(node: discovery_pb2.Node) -> Node:
    texts = (node.id, node.cluster, node.user_agent_name, _version(node))
    return Node(*(known_node_text(text) for text in texts))


def _version(node: discovery_pb2.Node) -> str:
    """Return which build of its program a node says to be; Envoys say it by numbers."""
    if not node.HasField("user_agent_build_version"):
        return node.user_agent_version
    version = node.user_agent_build_version.version
    return f"{version.major_number}.{version.minor_number}.{version.patch}"


def known_node_text(text: str) -> str:
    """Return a text of a node as it is known by from here on: cut where it is too long, and still its own."""
    return cut_identity(text, MAX_NODE_CHARACTERS)


def _refusal(decoded: discovery_pb2.DeltaDiscoveryRequest) -> Refusal:
    # Before anything keeps, logs or shows it: it may quote what is secret.
    message = without_quotes(decoded.error_detail.message)
    return Refusal(decoded.error_detail.code, cut(message, _MAX_ERROR_CHARACTERS))


def encode_content(response: Response, control_plane: str) -> tuple[bytes, ...]:
    """Write a DeltaDiscoveryResponse without its nonce: a small head, then the frames that all streams share.

    Args:
        response: what to send.
        control_plane: who sends it; an Envoy shows it among its statistics (delta xDS, ControlPlane).

    Returns:
        Fields, to be joined.
    """
    head = discovery_pb2.DeltaDiscoveryResponse(
        type_url=response.type_url,
        removed_resources=response.removed,
        resources=map(_heartbeat, response.heartbeats),
        control_plane={"identifier": control_plane},
    )
    parts = (part for resource in response.resources for part in (resource.head, resource.body))
    return head.SerializeToString(), *parts


def encode_nonce(nonce: str) -> bytes:
    """Write the one field in which responses differ that say the same; it may stand behind all others."""
    return discovery_pb2.DeltaDiscoveryResponse(nonce=nonce).SerializeToString()


def _heartbeat(resource: VersionedResource) -> discovery_pb2.Resource:
    """Return a resource without its body: the client keeps what it has (xDS protocol, TTL)."""
    heartbeat = discovery_pb2.Resource(name=resource.name, version=resource.version)
    heartbeat.ttl.FromTimedelta(timedelta(seconds=resource.ttl_s or 0))
    return heartbeat
