"""Which policies are on what. Pure; follows again what changed.

The unit is one policy at one object: the targets by which it names or selects that object. Three things change it:

    the policy         what it names, and every object of the kinds that it selects: it looks at all of those, unless
                       it says of its targets what it said before
    an object          every policy that selects objects of its kind, in its scope; of those that only name it, none
    a namespace, or    every policy that selects across namespaces, and the objects of its kinds in that namespace,
    a grant there      for which it looks through all of those kinds

Where one of the units at an object changed, those at that object are put in order again: as many as there are on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, KeysView, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from egxds.incremental.identity import keep_equal
from egxds.model.api.core import NAMESPACE, REFERENCE_GRANT
from egxds.model.resolve.dependents import Changed
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_kinds import TARGET_KINDS, PolicyEffect, PolicyKind, SameTarget
from egxds.model.resolve.policy_targets import (
    Attachment,
    Attachments,
    Policy,
    PolicyTarget,
    candidates,
    looks_across_namespaces,
    targets_at,
)
from egxds.model.resolve.precedence import precedence
from egxds.object_key import GroupKind, ObjectKey


@dataclass(frozen=True, slots=True)
class PolicyEdit:
    """What changed about policies and their targets.

    Attributes:
        policies: those that are others than before, or gone.
        touched: object → policies whose targets there may be others, or gone.
        objects: those on which other policies are in force.
    """

    policies: frozenset[ObjectKey]
    touched: Mapping[ObjectKey, AbstractSet[ObjectKey]]
    objects: frozenset[ObjectKey]


_SERVED = frozenset({PolicyEffect.APPLIED, PolicyEffect.ENCRYPTS, PolicyEffect.PATCHES})
"""Effects of the policies that are served here, and not by an extension."""


class PolicyBook:
    """Knows the targets of every policy, and the policies on every object.

    Attributes:
        kinds: rows of all kinds of policies.
    """

    def __init__(self, index: ObjectIndex, kinds: Mapping[GroupKind, PolicyKind]) -> None:
        """Start without policies.

        Args:
            index: finds the objects.
            kinds: rows of all kinds of policies.
        """
        self.kinds = kinds
        self._index = index
        self._policies: dict[ObjectKey, Policy] = {}
        self._selecting: defaultdict[GroupKind, set[ObjectKey]] = defaultdict(set)
        self._units: defaultdict[ObjectKey, dict[ObjectKey, tuple[PolicyTarget, ...]]] = defaultdict(dict)
        self._objects: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set)
        self._attachments: dict[PolicyEffect, dict[ObjectKey, Attachments]] = {effect: {} for effect in PolicyEffect}

    def update(self, changed: Changed) -> PolicyEdit:
        """Follow again what changed."""
        policies = frozenset(changed.of(self.kinds))
        touched: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set)
        for policy in policies:
            for key in self._take(policy):
                touched[key].add(policy)
        for policy, key in self._selectable(changed):
            if self._set_unit(policy, key):
                touched[key].add(policy)
        for key in touched:
            touched[key] |= self.at(key).keys()
        return PolicyEdit(policies, touched, frozenset(key for key in touched if self._settle(key)))

    def policy(self, key: ObjectKey) -> Policy | None:
        """Return a policy, None where it is gone."""
        return self._policies.get(key)

    def effect(self, policy: Policy) -> PolicyEffect:
        """Return what a policy does to what it covers."""
        return self.kinds[policy.key.group_kind].effect(policy.content)

    def asked(self, policy: Policy) -> str:
        """Return what a policy that no extension serves decides on, for people."""
        return self.kinds[policy.key.group_kind].says

    def at(self, key: ObjectKey) -> Mapping[ObjectKey, tuple[PolicyTarget, ...]]:
        """Return policy → the targets by which it is about an object, the oldest policy first.

        Targets at which an older policy of the same kind is in force name it.
        """
        units = self._units.get(key, {})
        in_order = sorted((self._policies[policy] for policy in units), key=precedence)
        first: dict[tuple[GroupKind, str], ObjectKey] = {}
        return {policy.key: tuple(self._settled(policy, units[policy.key], first)) for policy in in_order}

    def on(self, key: ObjectKey) -> Attachments:
        """Return the policies in force on an object and on sections of it that extensions get, the oldest first.

        It is the same tuple as before where nothing of it changed.
        """
        return self._attachments[PolicyEffect.HANDED_ON].get(key, ())

    def encrypting(self, key: ObjectKey) -> Attachments:
        """Return the policies that have an object, or sections of it, spoken to by TLS, the oldest first."""
        return self._attachments[PolicyEffect.ENCRYPTS].get(key, ())

    def applied(self, key: ObjectKey) -> Attachments:
        """Return the policies that say how requests of an object, or of sections of it, are treated, oldest first."""
        return self._attachments[PolicyEffect.APPLIED].get(key, ())

    def patching(self, key: ObjectKey) -> Attachments:
        """Return the policies that patch what a Gateway comes to, the oldest first."""
        return self._attachments[PolicyEffect.PATCHES].get(key, ())

    def about(self, policy: ObjectKey) -> AbstractSet[ObjectKey]:
        """Return the objects that a policy is about."""
        return self._objects.get(policy, frozenset())

    def denying(self, key: ObjectKey) -> Attachments:
        """Return the policies that deny an object, or sections of it, since nobody does what they ask."""
        return self._attachments[PolicyEffect.DENIES].get(key, ())

    @property
    def denied(self) -> KeysView[ObjectKey]:
        """Every object that `denying` may know a policy of."""
        return self._attachments[PolicyEffect.DENIES].keys()

    def _take(self, key: ObjectKey) -> AbstractSet[ObjectKey]:
        """Take over a policy as it is now, and return the objects that it was or is about."""
        before, now = self._policies.pop(key, None), self._index.state.policies.get(key)
        if now is not None:
            self._policies[key] = now
        about = set(self._objects.get(key, ()))
        if before is None or now is None or before.content.targets != now.content.targets:
            self._select(key, before, now)
            for each in about.union(candidates(now, self._index) if now is not None else ()):
                self._set_unit(key, each)
        return about | self._objects.get(key, set())

    def _select(self, key: ObjectKey, before: Policy | None, now: Policy | None) -> None:
        """Note which kinds a policy selects from."""
        for selector in before.content.targets.target_selectors if before is not None else ():
            self._selecting[selector.group, selector.kind].discard(key)
        for selector in now.content.targets.target_selectors if now is not None else ():
            self._selecting[selector.group, selector.kind].add(key)

    def _selectable(self, changed: Changed) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        """Yield policies with objects that they may select otherwise than before."""
        namespaces = {key.name for key in changed.of([NAMESPACE.id])}
        namespaces.update(key.namespace for key in changed.of([REFERENCE_GRANT.id]))
        for kind, policies in self._selecting.items():
            keys = changed.of([kind])
            yield from ((policy, key) for policy in policies for key in keys)
            across = [policy for policy in policies if looks_across_namespaces(self._policies[policy])]
            target = TARGET_KINDS.get(kind) if across and namespaces else None
            if target is not None:
                there = [key for key in self._index.state.of(target.kind) if key.namespace in namespaces]
                yield from ((policy, key) for policy in across for key in there)

    def _set_unit(self, policy: ObjectKey, key: ObjectKey) -> bool:
        """Follow a policy to one object; tell whether its targets there are others than before, or gone."""
        found = self._policies.get(policy)
        targets = tuple(targets_at(found, key, self._index)) if found is not None else ()
        if targets == self._units.get(key, {}).get(policy, ()):
            return False
        if targets:
            self._units[key][policy] = targets
            self._objects[policy].add(key)
        else:
            del self._units[key][policy]
            self._objects[policy].discard(key)
            self._forget_empty(policy, key)
        return True

    def _forget_empty(self, policy: ObjectKey, key: ObjectKey) -> None:
        if not self._units[key]:
            del self._units[key]
        if not self._objects[policy]:
            del self._objects[policy]

    def _settle(self, key: ObjectKey) -> bool:
        """Put the policies at an object in order; tell whether others are in force than before."""
        found = [
            Attachment(self._policies[policy], target.section)
            for policy, targets in self.at(key).items()
            for target in targets
            if target.older is None
        ]
        differing = [effect for effect in PolicyEffect if self._put(effect, key, found)]
        return bool(differing)

    def _put(self, effect: PolicyEffect, key: ObjectKey, found: Iterable[Attachment]) -> bool:
        """Note which policies have an effect on an object; tell whether they are others than before."""
        attachments = self._attachments[effect]
        before = attachments.pop(key, ())
        now = tuple(entry for entry in found if self._effect_at(entry.policy, key) is effect)
        if now:
            attachments[key] = keep_equal(before, now)
        return before != now

    def _effect_at(self, policy: Policy, key: ObjectKey) -> PolicyEffect:
        """Return what a policy does to an object; one that is none of those that it can be for is closed by it."""
        effect = self.effect(policy)
        is_target = key.group_kind in self.kinds[policy.key.group_kind].targets
        return effect if is_target or effect not in _SERVED else PolicyEffect.DENIES

    def _settled(
        self, policy: Policy, targets: Iterable[PolicyTarget], first: dict[tuple[GroupKind, str], ObjectKey]
    ) -> Iterator[PolicyTarget]:
        """Yield the targets of a policy at one object, those that an older one has noted.

        Args:
            policy: younger than all that came before.
            targets: its targets there.
            first: the policy in force at each section so far; this one is added where it is the first.
        """
        row = self.kinds[policy.key.group_kind]
        for target in targets:
            if row.same_target is SameTarget.ALL:
                yield target
                continue
            holder = first.setdefault((row.id, target.section), policy.key)
            yield target if holder == policy.key else replace(target, older=holder)
