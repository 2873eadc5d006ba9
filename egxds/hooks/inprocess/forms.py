"""Between the bytes of a hook call and the arguments and results of `egxds.hooks.inprocess`. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf.message import Message

from egxds.generated import extension_pb2
from egxds.hooks import inprocess
from egxds.resources.encoding import field_bytes
from egxds.settings.extensions import Hook

_RESOURCE = 1

Arguments = tuple[object, object]
"""What the function is given: the resource, or all of them, and the context."""


class UnfitResultError(Exception):
    """A function returned something that is no answer; the message says what."""


class Form(Protocol):
    """How one hook is called."""

    @property
    def function(self) -> str:
        """Name of the function."""

    def arguments(self, request: bytes) -> Arguments:
        """Return the function's arguments, from the encoded request of a call."""

    def reply(self, request: bytes, result: object) -> bytes:
        """Return the encoded reply; raise UnfitResultError where the result is none."""


@dataclass(frozen=True, slots=True)
class _OneResource:
    """A hook that is given one resource."""

    function: str
    resource: type[Message]
    request: type[Message]
    fields: tuple[str, str]
    context: Callable[[Any], object]

    def arguments(self, request: bytes) -> Arguments:
        message = self.request.FromString(request)
        resource, context = (getattr(message, name) for name in self.fields)
        return self.resource.FromString(resource), self.context(context)

    def reply(self, request: bytes, result: object) -> bytes:  # noqa: ARG002 as in Form
        if result is None:
            return b""
        return field_bytes(_RESOURCE, _encode(self.function, result, self.resource))


@dataclass(frozen=True, slots=True)
class _AllResources:
    """The Translation hook."""

    function: str = "translation"

    def arguments(self, request: bytes) -> Arguments:
        message = extension_pb2.PostTranslateModifyRequest.FromString(request)
        resources = inprocess.Resources(
            **{name: [kind.FromString(body) for body in getattr(message, name)] for name, kind in _TYPES.items()}
        )
        context = inprocess.TranslationContext(_objects(message.post_translate_context.extension_resources))
        return resources, context

    def reply(self, request: bytes, result: object) -> bytes:
        if result is None:
            asked = extension_pb2.PostTranslateModifyRequest.FromString(request)
            bodies = {name: list(getattr(asked, name)) for name in _TYPES}
        elif isinstance(result, inprocess.Resources):
            bodies = {
                name: [_encode(f"{self.function}, in {name},", item, kind) for item in getattr(result, name)]
                for name, kind in _TYPES.items()
            }
        else:
            raise UnfitResultError(f"{self.function} returned {_kind(result)} and not Resources or None")
        return extension_pb2.PostTranslateModifyResponse(**bodies).SerializeToString()


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


def _objects(resources: Iterable[extension_pb2.ExtensionResource]) -> tuple[inprocess.ExtensionObject, ...]:
    return tuple(json.loads(resource.unstructured_bytes) for resource in resources)


def _route_context(context: extension_pb2.PostRouteExtensionContext) -> inprocess.RouteContext:
    resources, policies = _objects(context.extension_resources), _objects(context.extension_policies)
    return inprocess.RouteContext(tuple(context.hostnames), resources, policies)


FORMS: dict[Hook, Form] = {
    Hook.ROUTE: _OneResource(
        "route",
        Route,
        extension_pb2.PostRouteModifyRequest,
        ("route", "post_route_context"),
        _route_context,
    ),
    Hook.ENDPOINTS: _OneResource(
        "endpoints",
        ClusterLoadAssignment,
        extension_pb2.PostEndpointsModifyRequest,
        ("load_assignment", "post_endpoints_context"),
        lambda _: inprocess.EndpointsContext(),
    ),
    Hook.CLUSTER: _OneResource(
        "cluster",
        Cluster,
        extension_pb2.PostClusterModifyRequest,
        ("cluster", "post_cluster_context"),
        lambda context: inprocess.ClusterContext(_objects(context.backend_extension_resources)),
    ),
    Hook.VIRTUAL_HOST: _OneResource(
        "virtual_host",
        VirtualHost,
        extension_pb2.PostVirtualHostModifyRequest,
        ("virtual_host", "post_virtual_host_context"),
        lambda _: inprocess.VirtualHostContext(),
    ),
    Hook.HTTP_LISTENER: _OneResource(
        "http_listener",
        Listener,
        extension_pb2.PostHTTPListenerModifyRequest,
        ("listener", "post_listener_context"),
        lambda context: inprocess.ListenerContext(_objects(context.extension_resources)),
    ),
    Hook.TRANSLATION: _AllResources(),
}
