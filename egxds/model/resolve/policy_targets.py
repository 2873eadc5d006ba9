"""Which policies are on what: their references and selectors followed. Pure; remembers its work.

Source: Envoy Gateway, extension server policies; Gateway API, GEP-713. What a policy can be for, and how policies of
one kind share a target, stands in the table of `egxds.model.resolve.policy_kinds`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter

from egxds.incremental.identity import are_same, keep_equal
from egxds.model.api.core import NAMESPACE, REFERENCE_GRANT
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody, PolicyTargetReference, TargetNamespaces, TargetSelector
from egxds.model.api.validation import Path
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_kinds import TARGET_KINDS, PolicyKind, SameTarget
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.references import is_permitted
from egxds.model.resolve.selectors import namespace_labels, selects
from egxds.object_key import GroupKind, ObjectKey

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

_Place = tuple[GroupKind, ObjectKey, str]
"""Kind of a policy, target and section."""


class PolicyBook:
    """Knows the targets of every policy.

    Attributes:
        kinds: rows of all kinds of policies.
        targets: policy and targets, the oldest policy first.
    """

    def __init__(self, index: ObjectIndex, kinds: Mapping[GroupKind, PolicyKind]) -> None:
        """Start without policies.

        Args:
            index: finds the objects.
            kinds: rows of all kinds of policies.
        """
        self.kinds = kinds
        self.targets: tuple[tuple[Policy, tuple[PolicyTarget, ...]], ...] = ()
        self._index = index
        self._based_on: tuple[object, ...] = ()
        self._attachments: Mapping[ObjectKey, Attachments] = {}

    def update(self) -> None:
        """Follow the targets of all policies, where anything changed that they depend on."""
        state = self._index.state
        selectable = (state.of(row.kind) for row in TARGET_KINDS.values())
        based_on = (state.policies, *selectable, state.of(NAMESPACE), state.of(REFERENCE_GRANT))
        if are_same(self._based_on, based_on):
            return
        self._based_on = based_on
        in_order = sorted(state.policies.values(), key=precedence)
        first: dict[_Place, ObjectKey] = {}
        self.targets = tuple((policy, tuple(self._settled(policy, first))) for policy in in_order)
        found: dict[ObjectKey, list[Attachment]] = defaultdict(list)
        for policy, targets in self.targets:
            for target in targets:
                if target.older is None:
                    found[target.key].append(Attachment(policy, target.section))
        self._attachments = {key: keep_equal(self._attachments.get(key, ()), tuple(at)) for key, at in found.items()}

    def on(self, key: ObjectKey) -> Attachments:
        """Return the policies on an object and on sections of it, the oldest first.

        It is the same tuple as before where nothing of it changed.
        """
        return self._attachments.get(key, ())

    def _settled(self, policy: Policy, first: dict[_Place, ObjectKey]) -> Iterator[PolicyTarget]:
        """Yield the targets of a policy, those that an older one has noted.

        Args:
            policy: younger than all that came before.
            first: the policy in force at each place so far; this one is added where it is the first.
        """
        row = self.kinds[policy.key.group_kind]
        for target in _targets(policy, self._index):
            if row.same_target is SameTarget.ALL:
                yield target
                continue
            holder = first.setdefault((row.id, target.key, target.section), policy.key)
            yield target if holder == policy.key else replace(target, older=holder)


def policies_on(attachments: Attachments, sections: Collection[str]) -> tuple[Policy, ...]:
    """Return the policies on any of some sections of an object, then those on all of it; each once."""
    own = [entry.policy for entry in attachments if entry.section in sections]
    whole = [entry.policy for entry in attachments if not entry.section]
    return tuple({policy.key: policy for policy in (*own, *whole)}.values())


def _targets(policy: Policy, index: ObjectIndex) -> Iterator[PolicyTarget]:
    """Yield the targets of a policy: those it names, in the order of the text, then those it selects."""
    targets = policy.content.targets
    if targets.target_ref is not None:
        yield _named(policy, targets.target_ref, ("spec", "targetRef"))
    for at, ref in enumerate(targets.target_refs):
        yield _named(policy, ref, ("spec", "targetRefs", at))
    for at, selector in enumerate(targets.target_selectors):
        yield from _selected(policy, selector, ("spec", "targetSelectors", at), index)


def _named(policy: Policy, ref: PolicyTargetReference, path: Path) -> PolicyTarget:
    key = ObjectKey(ref.group, ref.kind, policy.key.namespace, ref.name)
    return PolicyTarget(key, ref.section_name or "", path)


def _selected(policy: Policy, selector: TargetSelector, path: Path, index: ObjectIndex) -> Iterator[PolicyTarget]:
    target = TARGET_KINDS.get((selector.group, selector.kind))
    for item in sorted(index.state.of(target.kind).values(), key=attrgetter("key")) if target is not None else ():
        if (
            _is_in_scope(selector.namespaces, policy.key.namespace, item.key.namespace, index)
            and selects(selector, item.meta.labels)
            and is_permitted(policy.key, item.key, index.grants(item.key.namespace))
        ):
            yield PolicyTarget(item.key, "", path)


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
