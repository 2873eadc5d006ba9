"""Endpoints and Cluster hooks: about the backends of rules. Pure.

There is one call for the endpoints of every cluster, and one for every cluster of a rule that names the extension's
own objects. A failure denies the routes to the cluster, not the cluster: it stays, as it was accepted for the same
input, since to take it away would cost the connections of whoever still uses it.
"""

from __future__ import annotations

from dataclasses import replace

from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.plan.call_memo import Stage
from egxds.hooks.plan.requests import cluster_call, endpoints_call
from egxds.hooks.policy.draft import AppliedEdit, Draft
from egxds.hooks.replies.check import ResourceEdit
from egxds.resources.resource import Resource
from egxds.settings.extensions import ExtensionManager

_Made = tuple[Resource, HookCall]


def endpoints_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change the endpoints of clusters; those that are denied are not shown to it."""
    context = draft.translation.context
    targets = [(item, endpoints_call(manager, item, context)) for item in draft.endpoints.values()]
    yield from _change(draft, manager, targets, (draft.endpoints, draft.denied_endpoints))


def cluster_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change clusters; those that are denied are not shown to it."""
    context = draft.translation.context
    calls = [(item, cluster_call(manager, item, context)) for item in draft.clusters.values()]
    targets = [(item, call) for item, call in calls if call is not None]
    yield from _change(draft, manager, targets, (draft.clusters, draft.denied_clusters))


def _change(
    draft: Draft,
    manager: ExtensionManager,
    targets: list[_Made],
    places: tuple[dict[str, Resource], dict[str, Resource]],
) -> Stage:
    """Ask about resources of one type and take over what the extension says.

    Args:
        draft: the Gateway.
        manager: the extension.
        targets: the resources, each with its call.
        places: of the draft: where such resources are, and where those that are denied go.
    """
    current, denied = places
    results = yield tuple(call for _, call in targets)
    denied_before = set(denied)
    for (resource, call), result in zip(targets, results, strict=True):
        if isinstance(result, HookFailure):
            policy = draft.fail(manager, call, result)
            if policy == "deny":
                denied[resource.name] = current.pop(resource.name)
            elif policy == "bypass":
                draft.bypassed.add((resource.type_url, resource.name))
        elif isinstance(result, ResourceEdit):
            current[resource.name] = replace(result.resource, sources=resource.sources)
            draft.applied.append(AppliedEdit(call, result.references))
    draft.deny_users(denied.keys() - denied_before)
