"""Between the messages of a hook call and the arguments and results of `egxds.extension.Hooks`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import betterproto2
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf.message import Message

from egxds.extension import contexts, read_context
from egxds.generated.envoygateway import extension
from egxds.settings.extensions import Hook

Arguments = tuple[object, object]
"""What the function is given: the resource, or all of them, and the context."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function has answered.

    Attributes:
        message: the response message of the hook.
        size_bytes: size of the resources in it.
    """

    message: betterproto2.Message
    size_bytes: int


class UnfitResultError(Exception):
    """A function returned something that is no answer; the message says what."""


class Form(Protocol):
    """How one hook is called."""

    @property
    def function(self) -> str:
        """Name of the function."""

    @property
    def request(self) -> type[betterproto2.Message]:
        """Class of the request message."""

    def arguments(self, request: bytes) -> Arguments:
        """Return the function's arguments, from the encoded request of a call."""

    def reply(self, request: bytes, result: object) -> Answer:
        """Return the reply; raise UnfitResultError where the result is none."""


@dataclass(frozen=True, slots=True)
class _OneResource:
    """A hook that is given one resource."""

    function: str
    resource: type[Message]
    request: type[betterproto2.Message]
    response: type[betterproto2.Message]
    fields: tuple[str, str]
    context: Callable[[Any, Any], object]

    def arguments(self, request: bytes) -> Arguments:
        message = self.request.parse(request)
        body, context = (getattr(message, name) for name in self.fields)
        resource = self.resource.FromString(body)
        return resource, self.context(resource, context)

    def reply(self, request: bytes, result: object) -> Answer:  # noqa: ARG002 as in Form
        if result is None:
            return Answer(self.response(), 0)
        body = _encode(self.function, result, self.resource)
        return Answer(self.response(**{self.fields[0]: body}), len(body))


@dataclass(frozen=True, slots=True)
class _AllResources:
    """The Translation hook."""

    function: str = "translation"
    request: type[betterproto2.Message] = extension.PostTranslateModifyRequest

    def arguments(self, request: bytes) -> Arguments:
        message = extension.PostTranslateModifyRequest.parse(request)
        resources = contexts.Resources(
            **{name: [kind.FromString(body) for body in getattr(message, name)] for name, kind in _TYPES.items()}
        )
        return resources, read_context.translation_context(message.post_translate_context)

    def reply(self, request: bytes, result: object) -> Answer:
        if result is None:
            asked = extension.PostTranslateModifyRequest.parse(request)
            bodies = {name: list(getattr(asked, name)) for name in _TYPES}
        elif isinstance(result, contexts.Resources):
            bodies = {
                name: [_encode(f"{self.function}, in {name},", item, kind) for item in getattr(result, name)]
                for name, kind in _TYPES.items()
            }
        else:
            raise UnfitResultError(f"{self.function} returned {_kind(result)} and not Resources or None")
        size_bytes = sum(len(body) for found in bodies.values() for body in found)
        return Answer(extension.PostTranslateModifyResponse(**bodies), size_bytes)


_TYPES: dict[str, type[Message]] = {
    "clusters": Cluster,
    "secrets": Secret,
    "listeners": Listener,
    "routes": RouteConfiguration,
}


def _encode(function: str, result: object, expected: type[Message]) -> bytes:
    if not isinstance(result, expected):
        raise UnfitResultError(f"{function} returned {_kind(result)} and not {expected.__name__} or None")
    return result.SerializeToString()


def _kind(result: object) -> str:
    return f"a value of type {type(result).__name__}"


FORMS: dict[Hook, Form] = {
    Hook.ROUTE: _OneResource(
        "route",
        Route,
        extension.PostRouteModifyRequest,
        extension.PostRouteModifyResponse,
        ("route", "post_route_context"),
        read_context.route_context,
    ),
    Hook.ENDPOINTS: _OneResource(
        "endpoints",
        ClusterLoadAssignment,
        extension.PostEndpointsModifyRequest,
        extension.PostEndpointsModifyResponse,
        ("load_assignment", "post_endpoints_context"),
        read_context.endpoints_context,
    ),
    Hook.CLUSTER: _OneResource(
        "cluster",
        Cluster,
        extension.PostClusterModifyRequest,
        extension.PostClusterModifyResponse,
        ("cluster", "post_cluster_context"),
        read_context.cluster_context,
    ),
    Hook.VIRTUAL_HOST: _OneResource(
        "virtual_host",
        VirtualHost,
        extension.PostVirtualHostModifyRequest,
        extension.PostVirtualHostModifyResponse,
        ("virtual_host", "post_virtual_host_context"),
        read_context.virtual_host_context,
    ),
    Hook.HTTP_LISTENER: _OneResource(
        "http_listener",
        Listener,
        extension.PostHttpListenerModifyRequest,
        extension.PostHttpListenerModifyResponse,
        ("listener", "post_listener_context"),
        read_context.listener_context,
    ),
    Hook.TRANSLATION: _AllResources(),
}
