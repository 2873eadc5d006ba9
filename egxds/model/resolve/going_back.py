"""What an object goes back to whose edit an Envoy refuses: its former content, as long as that opens no door. Pure.

    kind                                    edited               new
    routes, backends, what they refer to    its former content   nothing: it serves nobody, and what needs it is closed
    what others attach to, or configure     its former content   it stays: without it all that is attached would go
    policies that egxds serves              its former content   what the policy decides on is denied, as for one with
                                            where that decides   mistakes; what it is for goes without the rest
                                            on the same, else
                                            as a new one
    anything else                           it stays             it stays

What stays is refused as it is, and tried again. A policy keeps somebody out, so it never goes back to less than its
edit asks for: the former one must be for the same targets, ask for everything that decides, and patch what it patches.
An Envoy that is served has the former content in any case, since it has refused the other; this is about the next one.

Nor does anything go back to a content that a policy guarded which is gone since, or guards less (`model.store.guards`).

Namespaces and ReferenceGrants are never to blame for what an Envoy refuses, and of an extension's objects nobody knows
what they decide on: what its hooks make of them is a reply, and taken back as such (`egxds.hooks.policy.taken_back`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum

from pydantic.alias_generators import to_camel

from egxds.model.api.backends import BACKEND, ENDPOINT_SLICE, SERVICE
from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.core import SECRET
from egxds.model.api.envoy_patch_policy import MOST_PATCHES, EnvoyPatchPolicySpec, JsonPatch, JsonPatchOperation
from egxds.model.api.envoy_proxy.proxy import ENVOY_PROXY
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.api.http_route_filter import HTTP_ROUTE_FILTER
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.api.served_policies import SERVED_POLICIES
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.store.rolled_back import Bar, WrittenObject
from egxds.names import ROUTE_CONFIGURATION
from egxds.object_key import GroupKind, ObjectKey

Item = ApiObject[ApiModel]

NOT_APPLICABLE = "(egxds.io/RolledBack says why)"
"""Name of a resource that is nowhere: a patch for it keeps a policy from being applied, and closes nothing itself."""


class WayBack(Enum):
    """What may become of an object of some kind."""

    TO_NOTHING = "to its former content, or to nothing"
    TO_FORMER = "to its former content"
    DECIDING = "as the policy that it is"
    NONE = "it stays"


_WAYS: Mapping[GroupKind, WayBack] = {
    **dict.fromkeys(ROUTE_KINDS, WayBack.TO_NOTHING),
    **{
        kind.id: WayBack.TO_NOTHING
        for kind in (BACKEND, SERVICE, ENDPOINT_SLICE, SECRET, CONFIG_MAP, HTTP_ROUTE_FILTER)
    },
    **{kind.id: WayBack.TO_FORMER for kind in (GATEWAY_CLASS, GATEWAY, LISTENER_SET, ENVOY_PROXY)},
    **{row.kind.id: WayBack.DECIDING for row in SERVED_POLICIES},
}


_BEHIND_ROUTES = frozenset({BACKEND.id, SERVICE.id, ENDPOINT_SLICE.id})
"""What clusters and endpoints are made of: a RouteConfiguration knows it by the name of a cluster."""


def suspects(type_url: str, edited: Collection[ObjectKey]) -> Collection[ObjectKey]:
    """Return which of some edited objects are to go back first for a refusal; all that are left are the next.

    What decides on access comes behind everything else, and behind that the addresses that routes lead to: what was
    edited beside something bad, and is taken elsewhere, is not to be what it was before, not even for a moment.

    Args:
        type_url: of the resource that is refused.
        edited: objects that it was made from, and that were edited.
    """
    ranks = {key: _rank(type_url, key) for key in edited}
    first = min(ranks.values(), default=0)
    return [key for key, rank in ranks.items() if rank == first]


def _rank(type_url: str, key: ObjectKey) -> int:
    if type_url == ROUTE_CONFIGURATION and key.group_kind in _BEHIND_ROUTES:
        return 2
    return int(_WAYS.get(key.group_kind) is WayBack.DECIDING)


@dataclass(frozen=True, slots=True)
class GoneBack:
    """What is in force of an object in the place of what is refused.

    Attributes:
        item: that; None for nothing.
    """

    item: Item | None


def gone_back(barred: Item, former: Item | None) -> GoneBack | None:
    """Return what an object goes back to; None where what is refused stays in force.

    Args:
        barred: what an Envoy refuses.
        former: what was in force before; None where that was nothing.
    """
    way = _WAYS.get(barred.key.group_kind, WayBack.NONE)
    if way is WayBack.DECIDING:
        return _policy_gone_back(barred, former)
    if way is WayBack.NONE or (former is None and way is WayBack.TO_FORMER):
        return None
    return GoneBack(former)


def bar_on(barred: WrittenObject, former: WrittenObject | None, why: str, versions: frozenset[str]) -> Bar | None:
    """Return what an object must not say, and what is in force instead; None where it stays as it is.

    Args:
        barred: what an Envoy refuses.
        former: what was in force before; None where that was nothing, or may not be in force any more.
        why: who refuses it, for people.
        versions: of the Envoys that were there.
    """
    back = gone_back(barred.item, former.item if former is not None else None)
    if back is None:
        return None
    may_be_nothing = _WAYS.get(barred.item.key.group_kind) is WayBack.TO_NOTHING
    return Bar(barred, former, back.item, why, versions, may_be_nothing)


def _policy_gone_back(barred: Item, former: Item | None) -> GoneBack | None:
    now, before = barred.content, former.content if former is not None else None
    # One of a kind that an extension has taken over is its server's to judge, and one with mistakes denies already.
    if not isinstance(now, PolicyBody) or now.asked is None:
        return None
    if isinstance(before, PolicyBody) and _decides_on_the_same(barred.key, before, now):
        return GoneBack(former)
    return GoneBack(replace(barred, content=replace(now, asked=_denying(now.asked))))


def _decides_on_the_same(key: ObjectKey, former: PolicyBody, now: PolicyBody) -> bool:
    """Tell whether a former policy is for what its edit is for, and asks for all that decides."""
    if former.asked is None or former.targets != now.targets:
        return False
    if isinstance(former.asked, EnvoyPatchPolicySpec) and isinstance(now.asked, EnvoyPatchPolicySpec):
        return _places(now.asked) <= _places(former.asked)
    added, row = now.fields - former.fields, APPLIED_KINDS.get(key.group_kind)
    return not added or (row is not None and not row.decides(added))


def _places(spec: EnvoyPatchPolicySpec) -> set[tuple[str | None, ...]]:
    """Return what a policy patches that may decide on access."""
    deciding = ((patch, patch.operation) for patch in spec.json_patches if not patch.is_harmless)
    return {(each.type, each.name, how.op, how.path, how.json_path, how.from_) for each, how in deciding}


def _denying(asked: ApiModel) -> ApiModel | None:
    """Return a spec that cannot be done: of patches one that closes what they are for, and nothing else."""
    if not isinstance(asked, EnvoyPatchPolicySpec) or not 0 < len(asked.json_patches) < MOST_PATCHES:
        return None
    test = JsonPatchOperation(op="test", path="/name", value="")
    last = JsonPatch(type=asked.json_patches[0].type, name=NOT_APPLICABLE, operation=test)
    # As a file says it: by the names of its fields no value gets into an object of the API.
    said = {to_camel(each.name): getattr(asked, each.name) for each in fields(asked)}
    return EnvoyPatchPolicySpec.model_validate({**said, "jsonPatches": (*asked.json_patches, last)})
