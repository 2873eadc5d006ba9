"""What a policy that cannot be applied closes: what it patches, unless that decides on nobody's access. Pure.

A patch may add a filter that asks who somebody is; without it everybody would get in. So what a policy was to change
answers 500 as long as it cannot, inside RDS and with names and listeners as they are:

    a patch of              closes
    a Listener              its RouteConfigurations; connections and datagrams that it forwards as a whole go nowhere
    a RouteConfiguration    that
    a Cluster, endpoints    the routes that use the cluster, and what forwards to it
    a Secret, or what is    everything of the Gateway
    not there
    a resource to be added  what uses one of that name

It is done when all policies are through, so that none opens it again. Of all that there is it may look at everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from egxds import names
from egxds.model.api.envoy_patch_policy import EnvoyPatchPolicySpec, JsonPatch
from egxds.object_key import ObjectKey
from egxds.resources.denials import deny_configuration, deny_in_place, deny_users, has_routes_out_of_reach
from egxds.resources.references import resource_references
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.translate.denied_streams import deny_stream_users, deny_streams, empty_cluster
from egxds.translate.patches.documents import name_in
from egxds.translate.patches.workspace import Workspace


def close_patched(policy: ObjectKey, spec: EnvoyPatchPolicySpec, space: Workspace) -> bool:
    """Close what a policy was to patch; tell whether that is anything.

    Args:
        policy: the policy, of which none could be applied.
        spec: what it says.
        space: as all policies that could be applied have left it.
    """
    found = [patch for patch in spec.json_patches if not patch.is_harmless]
    for patch in found:
        _CLOSERS[patch.type](patch, policy, space)
    return bool(found)


def _name(patch: JsonPatch) -> str:
    return name_in(patch.type, patch.operation.value) if patch.operation.is_whole else patch.name


def _close_listener(patch: JsonPatch, policy: ObjectKey, space: Workspace) -> None:
    found = space.find(names.LISTENER, patch.name) if patch.name else None
    if patch.operation.is_whole:
        return
    if isinstance(found, Resource):
        _deny_listener(found, policy, space)
    else:
        _close_everything(patch, policy, space)


def _close_configuration(patch: JsonPatch, policy: ObjectKey, space: Workspace) -> None:
    found = space.find(names.ROUTE_CONFIGURATION, _name(patch))
    if isinstance(found, RouteConfiguration):
        _deny_configurations([found], policy, space)
    elif not patch.operation.is_whole:
        _close_everything(patch, policy, space)


def _close_cluster(patch: JsonPatch, policy: ObjectKey, space: Workspace) -> None:
    name = _name(patch)
    if not patch.operation.is_whole and space.find(patch.type, name) is None:
        _close_everything(patch, policy, space)
        return
    for found in space.all_of(names.ROUTE_CONFIGURATION):
        if isinstance(found, RouteConfiguration):
            space.replace(deny_users(found, {name}))
    for found in space.all_of(names.LISTENER):
        if isinstance(found, Resource):
            _put_listener(found, deny_stream_users(found, {name}), space)


def _close_everything(_patch: JsonPatch, policy: ObjectKey, space: Workspace) -> None:
    for found in space.all_of(names.LISTENER):
        if isinstance(found, Resource):
            _deny_listener(found, policy, space)
    _deny_configurations(space.all_of(names.ROUTE_CONFIGURATION), policy, space)


def _deny_listener(listener: Resource, policy: ObjectKey, space: Workspace) -> None:
    asked = (name for type_url, name in resource_references(listener) if type_url == names.ROUTE_CONFIGURATION)
    _deny_configurations([space.find(names.ROUTE_CONFIGURATION, name) for name in asked], policy, space)
    denied = deny_streams(listener)
    _put_listener(listener, deny_in_place(denied) if has_routes_out_of_reach(denied) else denied, space)


def _deny_configurations(found: Iterable[object], policy: ObjectKey, space: Workspace) -> None:
    for each in found:
        if isinstance(each, RouteConfiguration):
            space.replace(deny_configuration(each.name, {*each.all_sources(), policy}))


def _put_listener(before: Resource, now: Resource, space: Workspace) -> None:
    if now is not before:
        space.replace(now)
        space.replace(empty_cluster(now.sources))


_CLOSERS = {
    names.LISTENER: _close_listener,
    names.ROUTE_CONFIGURATION: _close_configuration,
    names.CLUSTER: _close_cluster,
    names.ENDPOINT: _close_cluster,
    names.SECRET: _close_everything,
}
