"""The kinds of policies, and what policies can be for: a row for each. Pure.

A policy names its targets (targetRefs) or selects them by labels (targetSelectors); a target is an object or a section
of it: a listener of a Gateway, a rule of a route (Gateway API, GEP-713; the selectors are Envoy Gateway's). Where only
one policy of a kind can be in force at a target, the older one is (Gateway API, GEP-713, conflict resolution), and the
younger says so in its status.

The kinds of today belong to extensions, which come with the settings; they get every policy that is on their target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from egxds.model.api.gateway import GATEWAY
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.object import ApiModel, Kind
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import GroupKind


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
    GATEWAY.id: TargetKind(GATEWAY, "listener"),
    **{group_kind: TargetKind(row.kind, "rule") for group_kind, row in ROUTE_KINDS.items()},
}


class SameTarget(Enum):
    """What becomes of several policies of one kind at one target.

    ALL: each is in force. OLDEST: only the oldest is.
    """

    ALL = "all"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """One kind of policy.

    Attributes:
        id: group and kind.
        targets: kinds that it can be for, of `TARGET_KINDS`.
        same_target: what becomes of several at one target.
    """

    id: GroupKind
    targets: frozenset[GroupKind]
    same_target: SameTarget


def policy_kinds(kinds: ExtensionKinds) -> Mapping[GroupKind, PolicyKind]:
    """Return the rows of all kinds of policies.

    Args:
        kinds: those that belong to extensions.
    """
    everything = frozenset(TARGET_KINDS)
    return {group_kind: PolicyKind(group_kind, everything, SameTarget.ALL) for group_kind in sorted(kinds.policies)}
