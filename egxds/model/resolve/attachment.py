"""Which listeners take which routes, and under which hostnames. Pure.

Source: Gateway API v1.6, ParentReference, AllowedRoutes and the hostname rules of routes. Whether a listener is
served makes no difference here: a route is attached to it all the same, so that a listener that loses its certificate
and gets it back finds its routes as they were, and counts them meanwhile.

A parentRef narrows down listeners in three steps, and is refused for the first step that leaves none, which is the
reason that the API has for it: those that it names (NoMatchingParent), those of them that allow the route's kind and
namespace (NotAllowedByListeners), those of them that share a hostname with it (NoMatchingListenerHostname). What the
route says of itself may be in the way in the end (InvalidRule, which is Envoy Gateway's).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from egxds.model.api.core import NamespaceBody
from egxds.model.api.gateway import Listener
from egxds.model.api.object import ApiObject
from egxds.model.api.references import ParentReference
from egxds.model.api.routes import RouteSpec
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.hostnames import intersection
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.selectors import namespace_labels, selects
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ParentVerdict:
    """What becomes of one parentRef whose Gateway is ours.

    Attributes:
        ref: the parentRef.
        gateway: the Gateway.
        hostnames: listener name → hostnames under which the route is reached there; empty where none takes it.
        refusal: why none does; nothing where one does.
    """

    ref: ParentReference
    gateway: ObjectKey
    hostnames: Mapping[str, tuple[str, ...]]
    refusal: Fault | None = None


def attach(
    route: ApiObject[RouteSpec],
    position: int,
    gateway: ObjectKey,
    listeners: Sequence[ListenerVerdict],
    namespace: ApiObject[NamespaceBody] | None,
) -> ParentVerdict:
    """Decide which listeners of a Gateway take a route.

    Args:
        route: the route.
        position: of the parentRef that names the Gateway.
        gateway: the Gateway.
        listeners: all its listeners.
        namespace: the route's, None where no document describes it.
    """
    ref = route.content.parent_refs[position]
    labels = namespace_labels(route.key.namespace, namespace)
    named = [verdict for verdict in listeners if _is_named(verdict.listener, ref)]
    allowing = [verdict for verdict in named if _allows(verdict, route.key, gateway, labels)]
    common = {verdict.listener.name: intersection(verdict.hostname, route.content.hostnames) for verdict in allowing}
    taken = {name: hostnames for name, hostnames in common.items() if hostnames}
    if taken and not route.content.unattachable:
        return ParentVerdict(ref, gateway, taken)
    path = ("spec", "parentRefs", position)
    if not named:
        refusal = Fault(Reason.NO_MATCHING_PARENT, _no_listener(ref, gateway, listeners), path)
    elif not allowing:
        refusal = Fault(Reason.NOT_ALLOWED_BY_LISTENERS, _not_allowed(named, route.key, gateway), path)
    elif not taken:
        refusal = Fault(Reason.NO_MATCHING_LISTENER_HOSTNAME, _no_hostname(allowing, gateway), path)
    else:
        refusal = Fault(Reason.INVALID_RULE, f"{route.key} {route.content.unattachable}", ("spec", "rules"))
    return ParentVerdict(ref, gateway, {}, refusal)


def _is_named(listener: Listener, ref: ParentReference) -> bool:
    return ref.section_name in (None, listener.name) and ref.port in (None, listener.port)


def _allows(verdict: ListenerVerdict, route: ObjectKey, gateway: ObjectKey, labels: Mapping[str, str]) -> bool:
    if not _takes_kind(verdict, route):
        return False
    namespaces = verdict.listener.allowed_routes.namespaces
    match namespaces.from_:
        case "All":
            return True
        case "Same":
            return route.namespace == gateway.namespace
        case "Selector":
            return namespaces.selector is not None and selects(namespaces.selector, labels)
        case "None":
            return False


def _takes_kind(verdict: ListenerVerdict, route: ObjectKey) -> bool:
    return any((kind.group, kind.kind) == route.group_kind for kind in verdict.kinds)


def _no_listener(ref: ParentReference, gateway: ObjectKey, listeners: Sequence[ListenerVerdict]) -> str:
    wanted = [f"named {ref.section_name}"] if ref.section_name else []
    wanted += [f"on port {ref.port}"] if ref.port else []
    there = ", ".join(f"{verdict.listener.name} ({verdict.listener.port})" for verdict in listeners)
    return f"{gateway} has no listener {' '.join(wanted)}; its listeners: {there}"


def _not_allowed(named: Sequence[ListenerVerdict], route: ObjectKey, gateway: ObjectKey) -> str:
    names = ", ".join(verdict.listener.name for verdict in named)
    if not any(_takes_kind(verdict, route) for verdict in named):
        return f"{gateway} takes no {route.kind}s at listener {names}"
    return (
        f"{gateway} takes no routes from namespace {route.namespace} at listener {names}; see allowedRoutes.namespaces"
    )


def _no_hostname(allowing: Sequence[ListenerVerdict], gateway: ObjectKey) -> str:
    there = ", ".join(f"{verdict.listener.name} {verdict.hostname}" for verdict in allowing)
    return f"no hostname of the route is one of {gateway}; its listeners: {there}"
