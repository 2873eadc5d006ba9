"""What a policy is about: what it names, and what it selects. Pure.

Source: Envoy Gateway, its policies and those of extension servers; Gateway API, GEP-713. What a policy can be for, and
how policies of one kind share a target, stands in the table of `egxds.model.resolve.policy_kinds`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from egxds.model.api.core import NAMESPACE
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody, PolicyTargetReference, TargetNamespaces, TargetSelector
from egxds.model.api.validation import Path
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_kinds import TARGET_KINDS
from egxds.model.resolve.references import is_permitted
from egxds.model.resolve.selectors import namespace_labels, selects
from egxds.object_key import ObjectKey

Policy = ApiObject[PolicyBody]


@dataclass(frozen=True, slots=True)
class PolicyTarget:
    """What a policy is about.

    Attributes:
        key: of the object, which need not exist.
        section: name of a listener, or of a rule; empty where all of the object is meant.
        path: where the policy says so.
        older: a policy of the same kind that is in force there instead.
    """

    key: ObjectKey
    section: str
    path: Path
    older: ObjectKey | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A policy at an object.

    Attributes:
        policy: the policy.
        section: as in `PolicyTarget`.
    """

    policy: Policy
    section: str


Attachments = tuple[Attachment, ...]


def policies_on(attachments: Attachments, sections: Collection[str]) -> tuple[Policy, ...]:
    """Return the policies on any of some sections of an object, then those on all of it; each once."""
    own = [entry.policy for entry in attachments if entry.section in sections]
    whole = [entry.policy for entry in attachments if not entry.section]
    return tuple({policy.key: policy for policy in (*own, *whole)}.values())


def policies_covering(
    attachments: Attachments, sections: Collection[str], all_sections: Collection[str]
) -> tuple[Policy, ...]:
    """Return the policies that cover some sections of an object: those on them, on all of it, or on none there is.

    Args:
        attachments: the policies on the object.
        sections: names of those in question.
        all_sections: names of all of them; a policy for one that is not there is taken for all of the object, since it
            was to close something, and what cannot be told.
    """
    return tuple(
        entry.policy
        for entry in attachments
        if not entry.section or entry.section in sections or entry.section not in all_sections
    )


def looks_across_namespaces(policy: Policy) -> bool:
    """Tell whether a policy selects objects of namespaces that are not its own."""
    return any(selector.namespaces.from_ != "Same" for selector in policy.content.targets.target_selectors)


def candidates(policy: Policy, index: ObjectIndex) -> Iterator[ObjectKey]:
    """Yield every object that a policy could be about: those it names, and all of the kinds it selects from."""
    yield from (target.key for target in _named(policy))
    for selector in policy.content.targets.target_selectors:
        target = TARGET_KINDS.get((selector.group, selector.kind))
        yield from index.state.of(target.kind) if target is not None else ()


def targets_at(policy: Policy, key: ObjectKey, index: ObjectIndex) -> Iterator[PolicyTarget]:
    """Yield the targets of a policy at one object: those it names, in the order of the text, then those it selects.

    Args:
        policy: the policy.
        key: of the object, which need not exist.
        index: finds the objects, and what namespaces say.
    """
    yield from (target for target in _named(policy) if target.key == key)
    for at, selector in enumerate(policy.content.targets.target_selectors):
        if (selector.group, selector.kind) == key.group_kind and _selects(policy, selector, key, index):
            yield PolicyTarget(key, "", ("spec", "targetSelectors", at))


def _named(policy: Policy) -> Iterator[PolicyTarget]:
    targets = policy.content.targets
    if targets.target_ref is not None:
        yield _target(policy, targets.target_ref, ("spec", "targetRef"))
    for at, ref in enumerate(targets.target_refs):
        yield _target(policy, ref, ("spec", "targetRefs", at))


def _target(policy: Policy, ref: PolicyTargetReference, path: Path) -> PolicyTarget:
    target = TARGET_KINDS.get((ref.group, ref.kind))
    namespace = policy.key.namespace if target is None or target.kind.is_namespaced else ""
    key = ObjectKey(ref.group, ref.kind, namespace, ref.name)
    return PolicyTarget(key, ref.section_name or "", path)


def _selects(policy: Policy, selector: TargetSelector, key: ObjectKey, index: ObjectIndex) -> bool:
    target = TARGET_KINDS.get(key.group_kind)
    item = index.state.of(target.kind).get(key) if target is not None else None
    return (
        item is not None
        and _is_in_scope(selector.namespaces, policy.key.namespace, key.namespace, index)
        and selects(selector, item.meta.labels)
        and is_permitted(policy.key, key, index.grants(key.namespace))
    )


def _is_in_scope(namespaces: TargetNamespaces, own: str, other: str, index: ObjectIndex) -> bool:
    match namespaces.from_:
        case "All":
            return True
        case "Same":
            return own == other
        case "Selector":
            described = index.state.of(NAMESPACE).get(NAMESPACE.key("", other))
            labels = namespace_labels(other, described)
            return namespaces.selector is not None and selects(namespaces.selector, labels)
