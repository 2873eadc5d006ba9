"""Judges replies: a message from an extension in, an edit that can be made or the reason why not out. Pure.

Whatever passes here is encoded again deterministically, so that an extension that writes its maps in another
order each time changes nothing. What depends on other resources is checked where those are known: two virtual hosts
with one domain and two listeners with one address by the stages, references that lead nowhere by
`egxds.hooks.plan.dangling_references`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from egxds import names
from egxds.errors import FailureReason, UnreadableMessageError
from egxds.generated.envoygateway.extension import (
    PostClusterModifyResponse,
    PostEndpointsModifyResponse,
    PostHttpListenerModifyResponse,
    PostRouteModifyResponse,
    PostTranslateModifyRequest,
    PostTranslateModifyResponse,
    PostVirtualHostModifyResponse,
)
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.resources.reading import (
    Types,
    UnusableResourceError,
    read_resource,
    read_resources,
    read_route,
    read_route_configurations,
    read_virtual_host,
)
from egxds.resources.references import (
    References,
    resource_references,
    route_references,
    virtual_host_references,
)
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import RouteConfiguration, VirtualHost
from egxds.settings.extensions import Hook


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The extension leaves the resource as it is."""


@dataclass(frozen=True, slots=True)
class RouteEdit:
    """The extension's version of a route, under the name asked for."""

    body: bytes
    references: References = frozenset()


@dataclass(frozen=True, slots=True)
class VirtualHostEdit:
    """The extension's version of a virtual host, under the name asked for; it has no sources."""

    host: VirtualHost
    references: References = frozenset()


@dataclass(frozen=True, slots=True)
class ResourceEdit:
    """The extension's version of a cluster, of endpoints or of a listener.

    A listener under another name than the one asked for is one more; the others have the name asked for.
    """

    resource: Resource
    references: References = frozenset()


@dataclass(frozen=True, slots=True)
class TranslationEdit:
    """All resources of the types that the extension was given; the other tuples are empty."""

    clusters: tuple[Resource, ...] = ()
    secrets: tuple[Resource, ...] = ()
    listeners: tuple[Resource, ...] = ()
    route_configurations: tuple[RouteConfiguration, ...] = ()
    references: References = frozenset()


Edit = Unchanged | RouteEdit | VirtualHostEdit | ResourceEdit | TranslationEdit
CallResult = Edit | HookFailure


def check_reply(call: HookCall, reply: HookReply, allowed: Types = frozenset()) -> CallResult:
    """Say what a reply asks for.

    Args:
        call: what was asked.
        reply: what came back.
        allowed: types of extensions that it may have beyond those that are known.

    Returns:
        The edit, or a failure with reason INVALID.
    """
    try:
        return _READERS[call.hook](call, reply.message, allowed)
    except (UnusableResourceError, UnreadableMessageError) as err:
        return invalid(str(err))


def invalid(message: str) -> HookFailure:
    """Refuse a reply."""
    return HookFailure(FailureReason.INVALID, f"invalid reply: {message}")


def _read_route(call: HookCall, reply: PostRouteModifyResponse, allowed: Types) -> Edit:
    if reply.route is None:
        return Unchanged()
    route = read_route(reply.route, allowed)
    _check_name(route.name, call.subject)
    return RouteEdit(route.body, route_references(route.body))


def _read_virtual_host(call: HookCall, reply: PostVirtualHostModifyResponse, allowed: Types) -> Edit:
    if reply.virtual_host is None:
        return Unchanged()
    host = read_virtual_host(reply.virtual_host, allowed)
    _check_name(host.name, call.subject)
    return VirtualHostEdit(host, virtual_host_references(host))


def _read_endpoints(call: HookCall, reply: PostEndpointsModifyResponse, allowed: Types) -> Edit:
    return _read_under_its_name(names.ENDPOINT, call, reply.load_assignment, allowed)


def _read_cluster(call: HookCall, reply: PostClusterModifyResponse, allowed: Types) -> Edit:
    return _read_under_its_name(names.CLUSTER, call, reply.cluster, allowed)


def _read_under_its_name(type_url: str, call: HookCall, body: bytes | None, allowed: Types) -> Edit:
    if body is None:
        return Unchanged()
    edited = read_resource(type_url, body, allowed)
    _check_name(edited.name, call.subject)
    return ResourceEdit(edited, resource_references(edited))


def _read_listener(_call: HookCall, reply: PostHttpListenerModifyResponse, allowed: Types) -> Edit:
    if reply.listener is None:
        return Unchanged()
    listener = read_resource(names.LISTENER, reply.listener, allowed)
    return ResourceEdit(listener, resource_references(listener))


def _read_translation(call: HookCall, reply: PostTranslateModifyResponse, allowed: Types) -> Edit:
    is_empty = not _has_resources(reply)
    if is_empty and not _has_resources(PostTranslateModifyRequest.parse(call.request)):
        return Unchanged()
    if is_empty and not call.may_remove_all:
        message = "it holds no resource, which would remove all of them; return those that are to stay"
        raise UnusableResourceError(f"{message}, or set allowEmpty")
    wants_routes = names.ROUTE_CONFIGURATION in call.included
    configurations, referred = read_route_configurations(reply.routes if wants_routes else (), allowed)

    def included(type_url: str, bodies: Iterable[bytes]) -> tuple[Resource, ...]:
        return read_resources(type_url, bodies if type_url in call.included else (), allowed)

    edit = TranslationEdit(
        clusters=included(names.CLUSTER, reply.clusters),
        secrets=included(names.SECRET, reply.secrets),
        listeners=included(names.LISTENER, reply.listeners),
        route_configurations=configurations,
    )
    return replace(edit, references=referred.union(*map(resource_references, (*edit.clusters, *edit.listeners))))


def _has_resources(message: PostTranslateModifyRequest | PostTranslateModifyResponse) -> bool:
    return bool(message.clusters or message.secrets or message.listeners or message.routes)


_READERS: dict[Hook, Callable[[HookCall, Any, Types], Edit]] = {
    Hook.ROUTE: _read_route,
    Hook.ENDPOINTS: _read_endpoints,
    Hook.CLUSTER: _read_cluster,
    Hook.VIRTUAL_HOST: _read_virtual_host,
    Hook.HTTP_LISTENER: _read_listener,
    Hook.TRANSLATION: _read_translation,
}


def _check_name(name: str, asked: str) -> None:
    if name != asked:
        raise UnusableResourceError(f"it is named {name!r} and not {asked!r}: an extension must keep the name")
