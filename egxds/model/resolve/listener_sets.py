"""Which ListenerSets have a part in a Gateway, and in which order. Pure.

Source: Gateway API v1.6, GatewaySpec.allowedListeners and ListenerSetSpec. A Gateway takes none unless it says so.
Those that it takes come after it, the oldest first, then by `namespace/name` (`precedence`): of listeners that cannot
be told apart the earlier one counts (`listener_conflicts`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.api.core import NAMESPACE
from egxds.model.api.gateway import GATEWAY, GatewaySpec
from egxds.model.api.listener_set import ListenerSetSpec
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import path_text
from egxds.model.resolve.dependents import Query, SetsOf
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.parents import gateway_of
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.references import kind_text, not_found
from egxds.model.resolve.selectors import namespace_labels, takes_from

ListenerSet = ApiObject[ListenerSetSpec]


@dataclass(frozen=True, slots=True)
class SetAdmission:
    """Whether a Gateway takes a ListenerSet that names it.

    Attributes:
        listener_set: the ListenerSet.
        refusal: why it does not; nothing where it does.
    """

    listener_set: ListenerSet
    refusal: Fault | None = None


@dataclass(frozen=True, slots=True)
class StraySet:
    """A ListenerSet that is nobody's.

    Attributes:
        listener_set: the ListenerSet.
        fault: why no Gateway can take it.
    """

    listener_set: ListenerSet
    fault: Fault


def admit_sets(gateway: ApiObject[GatewaySpec], index: ObjectIndex) -> tuple[SetAdmission, ...]:
    """Decide which ListenerSets a Gateway takes, of those that name it; in their order.

    Args:
        gateway: the Gateway.
        index: finds them, and what namespaces say.
    """
    found = sorted(index.listener_sets(gateway.key), key=precedence)
    return tuple(SetAdmission(each, _refusal(gateway, each, index)) for each in found)


def allowed_listeners_faults(gateway: GatewaySpec) -> Iterator[Fault]:
    """Say why the selector of a Gateway selects no ListenerSet."""
    for each in gateway.allowed_listeners.namespaces.unservable():
        path = ("spec", "allowedListeners", "namespaces", *each.path)
        yield Fault(Reason.INVALID, f"{path_text(path)}: {each.message}; no ListenerSet is taken", path)


def set_queries(gateway: ApiObject[GatewaySpec], index: ObjectIndex) -> Iterator[Query]:
    """Yield what is asked to decide which ListenerSets a Gateway takes."""
    yield SetsOf(gateway.key)
    if gateway.content.allowed_listeners.namespaces.from_ == "Selector":
        for each in index.listener_sets(gateway.key):
            yield NAMESPACE.key("", each.key.namespace)


def stray_set(listener_set: ListenerSet, index: ObjectIndex) -> StraySet | None:
    """Say that nothing stands behind the parentRef of a ListenerSet; None where a Gateway does."""
    path = ("spec", "parentRef")
    gateway = gateway_of(listener_set)
    if gateway is None:
        ref = listener_set.content.parent_ref
        message = f"the parent of a ListenerSet is a Gateway, not a {kind_text(ref.group, ref.kind)}; name one"
        return StraySet(listener_set, Fault(Reason.NO_MATCHING_PARENT, message, path))
    if gateway in index.state.of(GATEWAY):
        return None
    return StraySet(listener_set, not_found(Reason.NO_MATCHING_PARENT, gateway, path))


def _refusal(gateway: ApiObject[GatewaySpec], listener_set: ListenerSet, index: ObjectIndex) -> Fault | None:
    namespaces, own = gateway.content.allowed_listeners.namespaces, listener_set.key.namespace
    labels = namespace_labels(own, index.state.of(NAMESPACE).get(NAMESPACE.key("", own)))
    if takes_from(namespaces, gateway.key.namespace, own, labels):
        return None
    message = (
        f"{gateway.key} takes no ListenerSets from namespace {own}; see its spec.allowedListeners.namespaces, "
        f"which says from: {namespaces.from_}"
    )
    return Fault(Reason.NOT_ALLOWED, message, ("spec", "parentRef"))
