"""What came of the targets of a policy: values of `policy_verdicts`. Pure.

Source: Gateway API v1.6, PolicyStatus.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.resolve.faults import Fault
from egxds.model.resolve.policy_targets import PolicyTarget
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An object under which a policy has a status; `section` is a listener, empty where all of it is meant."""

    key: ObjectKey
    section: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as a reference, in the API's shape."""
        key = self.key
        named = {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}
        return {**named, "sectionName": self.section} if self.section else {**named}


@dataclass(frozen=True, slots=True)
class Standing:
    """What came of a policy at something that it has a status under.

    Attributes:
        ancestor: that.
        faults: why the policy does not reach it, or cannot be done there.
        merged_over: the policies that it is merged over there.
    """

    ancestor: Ancestor
    faults: tuple[Fault, ...] = ()
    merged_over: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """What came of one target of a policy.

    Attributes:
        target: the target.
        standings: what it has a status under.
    """

    target: PolicyTarget
    standings: tuple[Standing, ...]
