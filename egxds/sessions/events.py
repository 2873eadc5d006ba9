"""What goes into a delta session and what comes out of it, free of any encoding. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.snapshot.snapshot import VersionedResource


@dataclass(frozen=True, slots=True)
class Node:
    """Who an Envoy says it is.

    Attributes:
        id: unique name of the instance.
        cluster: selects what it gets: a Gateway (`namespace/name`) or a GatewayClass.
        user_agent: such as `envoy`.
        version: of that, such as `1.40.0`; empty where it does not say.
    """

    id: str
    cluster: str
    user_agent: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """error_detail of a NACK."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Request:
    """One DeltaDiscoveryRequest.

    Attributes:
        type_url: type asked for.
        node: who asks; only the first request of a stream must say it.
        subscribe: names to add, in order.
        unsubscribe: names to drop, in order.
        initial_versions: name → version the client holds from an earlier stream.
        nonce: of the response it answers; empty where it answers none.
        refusal: present where it is a NACK.
    """

    type_url: str
    node: Node | None = None
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One DeltaDiscoveryResponse.

    Attributes:
        type_url: its type.
        nonce: unique on the stream.
        resources: sorted by name.
        removed: names, sorted; none of them is among the resources.
        heartbeats: resources that the client holds in this version and is to keep, sorted; their bodies are not sent.
        is_retry: it holds what the client has refused before.
    """

    type_url: str
    nonce: str
    resources: tuple[VersionedResource, ...] = ()
    removed: tuple[str, ...] = ()
    heartbeats: tuple[VersionedResource, ...] = ()
    is_retry: bool = False


@dataclass(frozen=True, slots=True)
class Acked:
    """The client took a response."""

    type_url: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Nacked:
    """The client refused a response.

    Attributes:
        resources: what the refused response held.
        refusal: what the client said; it often names no resource.
        culprits: those of the resources that are refused for themselves; nothing where that is not known yet.
    """

    type_url: str
    nonce: str
    resources: tuple[VersionedResource, ...]
    refusal: Refusal
    culprits: tuple[VersionedResource, ...] = ()


@dataclass(frozen=True, slots=True)
class UnexpectedRequest:
    """A request that was served, but part of it made no sense: an unknown nonce, an empty name, another node id."""

    type_url: str
    detail: str


Event = Acked | Nacked | UnexpectedRequest
