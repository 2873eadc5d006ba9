"""The kinds of policies, and what policies can be for: a row for each. Pure.

A policy names its targets (targetRefs) or selects them by labels (targetSelectors); a target is an object or a section
of it: a listener of a Gateway or a ListenerSet, a rule of a route (Gateway API, GEP-713; the selectors are Envoy
Gateway's). Where only one policy of a kind can be in force at a target, the older one is (Gateway API, GEP-713,
conflict resolution), and the younger says so in its status.

The kinds of extensions come with the settings; those get every policy that is on their target. What is served here
stands in `egxds.model.api.served_policies`. Kinds that decide on access and that nobody serves stand in
`egxds.model.api.unserved_policies`: their policies deny what they cover.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from egxds.model.api.backends import BACKEND, SERVICE
from egxds.model.api.envoy_patch_policy import ENVOY_PATCH_POLICY, EnvoyPatchPolicySpec
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import ApiModel, Kind
from egxds.model.api.policies import PolicyBody
from egxds.model.api.tls_policies import BACKEND_TLS_POLICY
from egxds.model.api.unserved_policies import UnservedPolicyKind
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.parents import LISTENER_OWNERS
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import GroupKind
from egxds.settings.extension_apis import Patching


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A kind whose objects policies can be for.

    Attributes:
        kind: its row in the table of kinds.
        section: what `sectionName` names in it, in words.
    """

    kind: Kind[ApiModel]
    section: str


TARGET_KINDS: Mapping[GroupKind, TargetKind] = {
    GATEWAY_CLASS.id: TargetKind(GATEWAY_CLASS, "section"),
    GATEWAY.id: TargetKind(GATEWAY, "listener"),
    LISTENER_SET.id: TargetKind(LISTENER_SET, "listener"),
    **{group_kind: TargetKind(row.kind, "rule") for group_kind, row in ROUTE_KINDS.items()},
    SERVICE.id: TargetKind(SERVICE, "port"),
    BACKEND.id: TargetKind(BACKEND, "section"),
}

TARGETS_OF_EXTENSIONS = frozenset(
    {*LISTENER_OWNERS, *(each for each, row in ROUTE_KINDS.items() if row.reads_requests)}
)
"""What the policies of extensions can be for: what a hook is told of (`denials` has what becomes of others)."""

TARGETS_BESIDE = frozenset(TARGET_KINDS) - {*LISTENER_OWNERS, *ROUTE_KINDS}
"""Those of which a policy is told nothing but whether they are there."""


class SameTarget(Enum):
    """What becomes of several policies of one kind at one target.

    ALL: each is in force. OLDEST: only the oldest is.
    """

    ALL = "all"
    OLDEST = "oldest"


class PolicyEffect(Enum):
    """What a policy does to what it covers.

    HANDED_ON: the extension that it belongs to gets it. APPLIED: its requests are treated as the policy asks, or
    denied. PATCHES: what the Gateway comes to is changed. ENCRYPTS: it is spoken to by TLS, or not at all. DENIES: it
    answers 500, since nobody does what the policy asks. NONE: nothing, though nobody does what it asks.
    """

    HANDED_ON = "is handed to its extension"
    APPLIED = "has its requests treated as it asks"
    PATCHES = "has its Envoy resources patched"
    ENCRYPTS = "has its backends spoken to by TLS"
    DENIES = "denies"
    NONE = "has no effect"


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """One kind of policy.

    Attributes:
        id: group and kind.
        targets: kinds that it can be for, of `TARGET_KINDS`.
        same_target: what becomes of several at one target.
        unserved: its row among those that are not served; None of one that is.
        served: what policies of it do where they are served here, and not by an extension.
        says: what it decides on, for people; empty of the kind of an extension.
        patching: what becomes of policies that patch, where it is a kind of those.
    """

    id: GroupKind
    targets: frozenset[GroupKind]
    same_target: SameTarget
    unserved: UnservedPolicyKind | None = None
    served: PolicyEffect = PolicyEffect.HANDED_ON
    says: str = ""
    patching: Patching | None = None

    def effect(self, policy: PolicyBody) -> PolicyEffect:
        """Return what a policy of this kind does to what it covers."""
        if self.patching is not None:
            return _effect_of_patches(policy, self.patching)
        return self.served if self.unserved is None else PolicyEffect.DENIES


def _effect_of_patches(policy: PolicyBody, patching: Patching) -> PolicyEffect:
    """Return what a policy that patches does: what cannot be done denies, unless it decides on nobody's access."""
    if patching is Patching.DISABLED:
        return PolicyEffect.NONE
    spec = policy.asked
    if not isinstance(spec, EnvoyPatchPolicySpec):
        return PolicyEffect.DENIES
    if patching is Patching.UNSAID:
        return PolicyEffect.NONE if spec.is_harmless else PolicyEffect.DENIES
    return PolicyEffect.PATCHES


_EFFECTS: Mapping[GroupKind, PolicyEffect] = {
    BACKEND_TLS_POLICY.id: PolicyEffect.ENCRYPTS,
    ENVOY_PATCH_POLICY.id: PolicyEffect.PATCHES,
    **dict.fromkeys(APPLIED_KINDS, PolicyEffect.APPLIED),
}
"""What the policies do that are served here."""


_SHARING = frozenset({ENVOY_PATCH_POLICY.id})
"""Kinds of which all policies at a target are in force."""


def policy_kinds(kinds: ExtensionKinds, patching: Patching) -> Mapping[GroupKind, PolicyKind]:
    """Return the rows of all kinds of policies.

    Args:
        kinds: those that belong to extensions.
        patching: what becomes of policies that patch.
    """
    of_extensions = (PolicyKind(each, TARGETS_OF_EXTENSIONS, SameTarget.ALL) for each in sorted(kinds.policies))
    unserved = (
        PolicyKind(each, row.targets, SameTarget.ALL, row, says=row.says)
        for each, row in sorted(kinds.unserved_policies.items())
    )
    served = (
        PolicyKind(
            each,
            row.targets,
            SameTarget.ALL if each in _SHARING else SameTarget.OLDEST,
            served=_EFFECTS[each],
            says=row.says,
            patching=patching if _EFFECTS[each] is PolicyEffect.PATCHES else None,
        )
        for each, row in sorted(kinds.served_policies.items())
    )
    return {row.id: row for row in (*of_extensions, *unserved, *served)}
