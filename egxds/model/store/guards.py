"""Policies that keep somebody out of an object, and are for it no more. Pure.

A former content was in force under the policies of its time. Where one of those is gone since, is for something else,
or asks for less, that content is not to be in force without it: what an Envoy refuses would have opened what it was to
close, and nobody has written that.

Which policies were for an object is not followed to the end here: each in its namespace may have been, and each that is
for Gateways, for what is attached to them, or for what its selectors find elsewhere.
"""

from __future__ import annotations

from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.object_key import ObjectKey

Item = ApiObject[ApiModel]

_ATTACHED_TO = frozenset(kind.kind for kind in (GATEWAY, GATEWAY_CLASS, LISTENER_SET))


def is_policy(item: Item) -> bool:
    """Tell whether an object is a policy."""
    return isinstance(item.content, PolicyBody)


def guards_less(before: Item, now: Item | None) -> bool:
    """Tell whether an object was a policy that is gone, is for something else, or asks for less than before.

    Args:
        before: the object as it was in force.
        now: as it is; None where it is gone.
    """
    was = before.content
    if not isinstance(was, PolicyBody):
        return False
    is_ = now.content if now is not None else None
    return not isinstance(is_, PolicyBody) or was.targets != is_.targets or not was.fields <= is_.fields


def may_guard(policy: Item, key: ObjectKey) -> bool:
    """Tell whether a policy may have kept somebody out of what an object says.

    Args:
        policy: the policy as it was in force.
        key: the object.
    """
    content = policy.content
    if not isinstance(content, PolicyBody):
        return False
    targets = content.targets
    named = (*((targets.target_ref,) if targets.target_ref is not None else ()), *targets.target_refs)
    is_wide = bool(targets.target_selectors) or any(each.kind in _ATTACHED_TO for each in named)
    return is_wide or policy.key.namespace == key.namespace
