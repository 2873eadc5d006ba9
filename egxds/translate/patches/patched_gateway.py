"""What a Gateway was translated to, with the policies that patch it applied, doing again only what changed. Pure.

It stands between translation and hooks: hooks are shown what is patched, and their policy decides on it as on anything
else (Envoy Gateway patches after the hooks about single resources and before the one about all; here a hook may be the
one who looks whether a patch is allowed, and its failure has to close what the patch opens).

    what changed                            what is done
    nothing that a policy looks at          what changed is handed on, patches of before stay in their places
    a policy, or a resource that one names  all policies are applied anew, to the resources that they name
    no policy, and never was                nothing

So an edit of one route in a RouteConfiguration of which virtual hosts are patched costs that RouteConfiguration, which
is taken apart and put together: some 0.25 ms for each route in it; where only its other fields are, it costs those.
Virtual hosts and routes that come out the same are the objects of before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from egxds.incremental.identity import are_same, keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.envoy_patch_policy import EnvoyPatchPolicySpec
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.object_key import ObjectKey
from egxds.resources.resource import Key
from egxds.resources.translation import GatewayTranslation, PatchFault
from egxds.translate.patches.closing import close_patched
from egxds.translate.patches.documents import Patched
from egxds.translate.patches.policies import PolicyPatches
from egxds.translate.patches.resource_names import Aliases
from egxds.translate.patches.workspace import FIELDS, Workspace, of_type

Policies = tuple[ApiObject[PolicyBody], ...]
_Faults = Mapping[ObjectKey, tuple[PatchFault, ...]]


class PatchedGateway:
    """The patches of one Gateway, and what they were applied to last."""

    def __init__(self, gateway: ObjectKey) -> None:
        """Start without patches.

        Args:
            gateway: the Gateway.
        """
        self._gateway = gateway
        self._policies: Policies = ()
        self._space: Workspace | None = None
        self._put: dict[Key, Patched] = {}
        self._faults: _Faults = {}
        self._base: GatewayTranslation | None = None
        self._patched: GatewayTranslation | None = None

    def update(self, base: GatewayTranslation, policies: Policies, aliases: Aliases) -> GatewayTranslation:
        """Return a translation with policies applied.

        Args:
            base: what the Gateway was translated to.
            policies: in the order in which they are applied.
            aliases: other names of what it was translated to.
        """
        if not policies and self._patched is None:
            return base
        before = dict(self._put)
        is_same = are_same(policies, self._policies) and self._space is not None
        if not is_same or self._space is None or not self._space.holds_for(base, aliases):
            self._apply(base, policies, aliases)
        last, last_patched = self._base or base, self._patched or base
        others: dict[str, Any] = {
            field: self._followed(type_url, (last, last_patched), base, before) for type_url, field in FIELDS.items()
        }
        self._base = base
        self._patched = replace(base, **others, patch_faults=self._faults)
        return self._patched

    def _apply(self, base: GatewayTranslation, policies: Policies, aliases: Aliases) -> None:
        space = Workspace(base, aliases)
        failed: list[tuple[ObjectKey, EnvoyPatchPolicySpec]] = []
        faults: dict[ObjectKey, tuple[PatchFault, ...]] = {}
        for policy in policies:
            spec = policy.content.asked
            if isinstance(spec, EnvoyPatchPolicySpec):
                found = faults[policy.key] = PolicyPatches(policy.key, self._gateway, spec, space).run()
                failed += [(policy.key, spec)] if found else []
        for key, spec in failed:
            if close_patched(key, spec, space):
                faults[key] = tuple(replace(fault, is_closing=True) for fault in faults[key])
        self._put = {key: keep_equal(self._put.get(key), found) for key, found in space.put.items()}
        self._faults = keep_equal(self._faults, faults)
        self._space, self._policies = space, policies

    def _followed(
        self,
        type_url: str,
        last: tuple[GatewayTranslation, GatewayTranslation],
        base: GatewayTranslation,
        before: Mapping[Key, Patched],
    ) -> Revision[str, Any]:
        """Return the resources of a type: those that changed since the last time, those that are patched in theirs.

        Args:
            type_url: the type.
            last: what was translated the last time, and what that came to.
            base: what was translated.
            before: what was patched the last time.
        """
        translated, patched = (of_type(each, type_url) for each in last)
        now = of_type(base, type_url)
        own = {name: found for (of, name), found in self._put.items() if of == type_url}
        changed = now.changed_since(translated) | own.keys() | {name for of, name in before if of == type_url}
        there = {name: own[name] if name in own else now[name] for name in changed if name in own or name in now}
        return patched.edited(there, changed - there.keys())
