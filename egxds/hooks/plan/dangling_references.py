"""Finds the replies that leave a reference to something that does not exist. Pure.

Envoy refuses a listener whose filters call a cluster that is not there, waits for a RouteConfiguration, a secret or
endpoints that never come, and answers 503 for a route to no cluster. Such a reply is as invalid as one that does not
parse. But a reference may lead to what a later hook adds: so all of them are looked at once the hooks are through.

Who is to blame, where a reference leads nowhere:

- nobody, where it did before any hook: what the user has not written yet is told by the status, not by a failed hook;
- the reply that took away what it leads to, rather than the one that refers to it, which was right when it was made;
- else the replies that refer to it, each for the first such reference.

What is denied exists: its routes answer 500 whatever stands behind them. `egxds.resources` says where a reference is
looked for and where the search stops.
"""

from __future__ import annotations

from collections.abc import Iterable

from egxds import names
from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.policy.draft import Draft
from egxds.hooks.replies.check import invalid
from egxds.names import INVALID_BACKEND_CLUSTER
from egxds.resources.references import Reference, References, configuration_references, resource_references
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.settings.extensions import ExtensionManager

Refusal = tuple[HookCall, HookFailure]


def dangling_replies(draft: Draft, managers: Iterable[ExtensionManager]) -> tuple[Refusal, ...]:
    """Return the calls whose replies are to be refused, each with the reason.

    A reply that took away what something else refers to is refused, rather than the one that refers to it.

    Args:
        draft: after all hooks.
        managers: know of clusters that every Envoy has.
    """
    # Everything answers 500, or nothing was changed: no reply can have done any harm.
    if draft.is_denied or not draft.applied:
        return ()
    existing = _existing(draft, managers)
    removals = {reference: edit.call for edit in draft.applied for reference in edit.removed - existing}
    suspects = [(edit.call, edit.references - existing - removals.keys()) for edit in draft.applied]
    if not removals and not any(missing for _, missing in suspects):
        return ()
    # Only here: to walk through all that a Gateway has is worth it where a reply is under suspicion.
    in_vain = needed(draft) - existing - _dangling_before(draft)
    found = [(removals[reference], reference) for reference in sorted(in_vain & removals.keys())]
    found += [(call, reference) for call, missing in suspects for reference in sorted(missing & in_vain)]
    # One reason for each call, the first: a dict keeps the last that it is given.
    first = dict(reversed(found))
    return tuple((call, invalid(_message(reference))) for call, reference in first.items())


def _message(reference: Reference) -> str:
    type_url, name = reference
    kind = names.SHORT_NAMES[type_url]
    way_out = "; name one of Envoy's own bootstrap under bootstrapClusters" if type_url == names.CLUSTER else ""
    return f"it leaves a reference to {kind} {name!r}, which does not exist{way_out}"


def always_there(managers: Iterable[ExtensionManager]) -> References:
    """Return what needs no resource of ours: clusters that every Envoy has."""
    found = (INVALID_BACKEND_CLUSTER, *(name for manager in managers for name in manager.bootstrap_clusters))
    return frozenset((names.CLUSTER, name) for name in found)


def _existing(draft: Draft, managers: Iterable[ExtensionManager]) -> References:
    groups: tuple[tuple[str, Iterable[str]], ...] = (
        (names.CLUSTER, (*draft.clusters, *draft.denied_clusters)),
        (names.ENDPOINT, (*draft.endpoints, *draft.denied_endpoints)),
        (names.ROUTE_CONFIGURATION, (*draft.route_configurations, *draft.denied_configurations)),
        (names.SECRET, draft.secrets),
        (names.EXTENSION_CONFIG, draft.translation.extension_configs),
    )
    return always_there(managers) | {(type_url, name) for type_url, found in groups for name in found}


def needed(draft: Draft) -> References:
    """Return everything that anything in a draft refers to; it is all looked at."""
    unhooked = draft.translation.extension_configs.values()
    resources = (*draft.listeners.values(), *draft.clusters.values(), *unhooked)
    return _all_references(resources, draft.route_configurations.values())


def _dangling_before(draft: Draft) -> References:
    """Return what was referred to in vain before any hook, which no reply is to blame for."""
    translation = draft.translation
    filters = translation.extension_configs.values()
    resources = (*translation.listeners.values(), *translation.clusters.values(), *filters)
    others = (*translation.endpoints.values(), *translation.secrets.values())
    existing = {(item.type_url, item.name) for item in (*resources, *others)}
    existing |= {(names.ROUTE_CONFIGURATION, name) for name in translation.route_configurations}
    return _all_references(resources, translation.route_configurations.values()) - existing


def _all_references(resources: Iterable[Resource], configurations: Iterable[RouteConfiguration]) -> References:
    found = map(configuration_references, configurations)
    return frozenset[Reference]().union(*map(resource_references, resources), *found)
