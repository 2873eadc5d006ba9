"""What a hook did to the resource that it was shown, as a difference for people. Pure.

A resource is shown as Envoy's JSON, a line for each value, with secrets hidden: two values that are both hidden are no
difference here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from egxds import names
from egxds.generated.envoygateway.extension import (
    PostClusterModifyRequest,
    PostEndpointsModifyRequest,
    PostHttpListenerModifyRequest,
    PostRouteModifyRequest,
    PostTranslateModifyRequest,
    PostVirtualHostModifyRequest,
)
from egxds.hooks.calls import HookCall
from egxds.hooks.replies.check import Edit, ResourceEdit, RouteEdit, TranslationEdit, Unchanged, VirtualHostEdit
from egxds.inspect.differences import difference, lines_of
from egxds.resources.json import render_body
from egxds.resources.resource import Key
from egxds.settings.extensions import Hook

_ROUTE = "type.googleapis.com/envoy.config.route.v3.Route"
_VIRTUAL_HOST = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
_URLS: Mapping[Any, str] = {
    Cluster: names.CLUSTER,
    Secret: names.SECRET,
    Listener: names.LISTENER,
    RouteConfiguration: names.ROUTE_CONFIGURATION,
}
_Bodies = Mapping[Key, bytes]
"""Type URL and name of a resource → its body."""

_SHOWN: dict[Hook, tuple[str, Callable[[bytes], bytes]]] = {
    Hook.ROUTE: (_ROUTE, lambda request: PostRouteModifyRequest.parse(request).route),
    Hook.ENDPOINTS: (names.ENDPOINT, lambda request: PostEndpointsModifyRequest.parse(request).load_assignment),
    Hook.CLUSTER: (names.CLUSTER, lambda request: PostClusterModifyRequest.parse(request).cluster),
    Hook.VIRTUAL_HOST: (_VIRTUAL_HOST, lambda request: PostVirtualHostModifyRequest.parse(request).virtual_host),
    Hook.HTTP_LISTENER: (names.LISTENER, lambda request: PostHttpListenerModifyRequest.parse(request).listener),
}
"""What a hook about one thing is shown: its type, and where it is in the request."""


def edit_lines(call: HookCall, edit: Edit) -> tuple[str, ...]:
    """Return what an edit does to what its call shows, as lines of a unified difference; none where that is nothing.

    Args:
        call: what was asked.
        edit: what was said, and passed its check.
    """
    if isinstance(edit, Unchanged):
        return ()
    before, after = _before(call), _after(edit, call)
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return tuple(line for key in keys for line in _difference(key, before.get(key), after.get(key)))


def _before(call: HookCall) -> _Bodies:
    if call.hook is Hook.TRANSLATION:
        shown = PostTranslateModifyRequest.parse(call.request)
        bodies = {Cluster: shown.clusters, Secret: shown.secrets, Listener: shown.listeners}
        bodies[RouteConfiguration] = shown.routes
        return {(_URLS[kind], kind.FromString(body).name): body for kind, found in bodies.items() for body in found}
    type_url, of_request = _SHOWN[call.hook]
    return {(type_url, call.subject): of_request(call.request)}


def _after(edit: Edit, call: HookCall) -> _Bodies:
    match edit:
        case RouteEdit():
            return {(_ROUTE, call.subject): edit.body}
        case VirtualHostEdit():
            return {(_VIRTUAL_HOST, call.subject): edit.host.body}
        case ResourceEdit():
            added = edit.resource
            # A listener under another name is one more, and that of the call stays.
            kept = _before(call) if added.name != call.subject else {}
            return {**kept, (added.type_url, added.name): added.body}
        case TranslationEdit():
            found = {names.CLUSTER: edit.clusters, names.SECRET: edit.secrets, names.LISTENER: edit.listeners}
            return _of_all(found, edit.route_configurations)
        case Unchanged():
            return _before(call)


def _of_all(found: Mapping[str, Iterable[Any]], configurations: Iterable[Any]) -> _Bodies:
    bodies = {(type_url, one.name): one.body for type_url, resources in found.items() for one in resources}
    return bodies | {(names.ROUTE_CONFIGURATION, one.name): one.encode() for one in configurations}


def _difference(key: Key, before: bytes | None, after: bytes | None) -> Iterable[str]:
    type_url, name = key
    was, is_ = (lines_of(render_body(type_url, body)) if body is not None else [] for body in (before, after))
    # Equal content may have other bytes: the fields of a RouteConfiguration in another order.
    if was != is_:
        yield f"{type_url.rpartition('.')[2]} {name}:{_fate(before, after)}"
        yield from difference(was, is_)


def _fate(before: bytes | None, after: bytes | None) -> str:
    if before is None:
        return " added"
    return " removed" if after is None else ""
