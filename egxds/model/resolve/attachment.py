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
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.references import ParentReference
from egxds.model.api.routes import RouteSpec
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.hostnames import intersection
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.selectors import namespace_labels, takes_from
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class RouteParent:
    """What routes see of a Gateway of ours, or of a ListenerSet for one.

    Attributes:
        key: of the object.
        content: its spec, in which the listeners are.
        gateway: the Gateway; of one, itself.
        listeners: its own; none of a ListenerSet that the Gateway does not take.
        refusal: why the Gateway does not take it; empty where it does.
    """

    key: ObjectKey
    content: ApiModel
    gateway: ObjectKey
    listeners: tuple[ListenerVerdict, ...]
    refusal: str = ""

    @property
    def selects_namespaces(self) -> bool:
        """Whether a listener takes routes by the labels of their namespaces."""
        return any(entry.listener.allowed_routes.namespaces.from_ == "Selector" for entry in self.listeners)

    def is_seen_as(self, before: RouteParent | None) -> bool:
        """Tell whether routes see the same; what became of its listeners otherwise is nothing to them."""
        return (
            before is not None
            and (self.gateway, self.refusal) == (before.gateway, before.refusal)
            and self.content is before.content
        )


@dataclass(frozen=True, slots=True)
class ParentVerdict:
    """What becomes of one parentRef whose Gateway is ours.

    Attributes:
        ref: the parentRef.
        key: of the parent.
        gateway: the Gateway that it is, or is for.
        hostnames: listener, by its name in the Gateway → hostnames under which the route is reached there; empty where
            none takes it.
        refusal: why none does; nothing where one does.
        ending_tls: those of the listeners where TLS ends, by name.
    """

    ref: ParentReference
    key: ObjectKey
    gateway: ObjectKey
    hostnames: Mapping[str, tuple[str, ...]]
    refusal: Fault | None = None
    ending_tls: tuple[str, ...] = ()


def attach(
    route: ApiObject[RouteSpec],
    position: int,
    parent: RouteParent,
    namespace: ApiObject[NamespaceBody] | None,
) -> ParentVerdict:
    """Decide which listeners of a parent take a route.

    Args:
        route: the route.
        position: of the parentRef that names the parent.
        parent: with its own listeners; those of ListenerSets are none of their Gateway's here.
        namespace: the route's, None where no document describes it.
    """
    ref = route.content.parent_refs[position]
    labels = namespace_labels(route.key.namespace, namespace)
    named = [verdict for verdict in parent.listeners if _is_named(verdict.listener, ref)]
    allowing = [verdict for verdict in named if _allows(verdict, route.key, parent.key, labels)]
    common = {verdict.name: intersection(verdict.hostname, route.content.hostnames) for verdict in allowing}
    taken = {name: hostnames for name, hostnames in common.items() if hostnames}
    if taken and not route.content.unattachable:
        ending = tuple(
            each.name for each in allowing if each.name in taken and each.protocol and each.protocol.ends_tls
        )
        return ParentVerdict(ref, parent.key, parent.gateway, taken, ending_tls=ending)
    path = ("spec", "parentRefs", position)
    if not named:
        refusal = Fault(Reason.NO_MATCHING_PARENT, _no_listener(ref, parent), path)
    elif not allowing:
        refusal = Fault(Reason.NOT_ALLOWED_BY_LISTENERS, _not_allowed(named, route.key, parent.key), path)
    elif not taken:
        refusal = Fault(Reason.NO_MATCHING_LISTENER_HOSTNAME, _no_hostname(allowing, parent.key), path)
    else:
        refusal = Fault(Reason.INVALID_RULE, f"{route.key} {route.content.unattachable}", ("spec", "rules"))
    return ParentVerdict(ref, parent.key, parent.gateway, {}, refusal)


def _is_named(listener: Listener, ref: ParentReference) -> bool:
    return ref.section_name in (None, listener.name) and ref.port in (None, listener.port)


def _allows(verdict: ListenerVerdict, route: ObjectKey, parent: ObjectKey, labels: Mapping[str, str]) -> bool:
    namespaces = verdict.listener.allowed_routes.namespaces
    return _takes_kind(verdict, route) and takes_from(namespaces, parent.namespace, route.namespace, labels)


def _takes_kind(verdict: ListenerVerdict, route: ObjectKey) -> bool:
    return any((kind.group, kind.kind) == route.group_kind for kind in verdict.kinds)


def _no_listener(ref: ParentReference, parent: RouteParent) -> str:
    if parent.refusal:
        return f"{parent.key} has no part in {parent.gateway}: {parent.refusal}"
    wanted = [f"named {ref.section_name}"] if ref.section_name else []
    wanted += [f"on port {ref.port}"] if ref.port else []
    there = ", ".join(f"{verdict.listener.name} ({verdict.listener.port})" for verdict in parent.listeners)
    return f"{parent.key} has no listener {' '.join(wanted)}; its listeners: {there}"


def _not_allowed(named: Sequence[ListenerVerdict], route: ObjectKey, parent: ObjectKey) -> str:
    names = ", ".join(verdict.listener.name for verdict in named)
    if not any(_takes_kind(verdict, route) for verdict in named):
        return f"{parent} takes no {route.kind}s at listener {names}"
    return (
        f"{parent} takes no routes from namespace {route.namespace} at listener {names}; see allowedRoutes.namespaces"
    )


def _no_hostname(allowing: Sequence[ListenerVerdict], parent: ObjectKey) -> str:
    there = ", ".join(f"{verdict.listener.name} {verdict.hostname}" for verdict in allowing)
    return f"no hostname of the route is one of {parent}; its listeners: {there}"
