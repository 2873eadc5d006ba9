"""What policies ask of requests, policy by policy, and what of it is in force where. Pure; follows what changed.

Source: Gateway API, GEP-713 (effective policies); Envoy Gateway v1.9, merging.

    a rule of a route          its own policy, else that of its route, else what is in force at the listener
    a listener of a Gateway    its own policy, else that of the Gateway
    one of a ListenerSet       its own policy, else that of the ListenerSet, else that of the Gateway

The most specific one replaces the others as a whole, kind by kind. One of a route, or of a rule, may ask to be merged
over what is in force at the listener (`mergeType`): what comes of that is another thing at each listener.

What cannot be done as it is written denies what it is in force at, and nothing else: one that is replaced, or of which
merging leaves nothing over, is as good as not there. A policy for a listener or a rule that is not there denies all of
its object: it was to close something, and nobody can tell what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import ValidationError

from egxds.incremental.identity import keep_equal
from egxds.model.api.policies import MergingPolicySpec
from egxds.model.resolve.dependents import Changed, Dependents, Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import FeatureContext
from egxds.model.resolve.features.reached import PolicyBackends
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.merged_specs import merged_spec
from egxds.model.resolve.policy_book import PolicyBook, PolicyEdit
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.resolve.policy_targets import Attachment, Attachments, Policy
from egxds.object_key import GroupKind, ObjectKey


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """What the policies of one kind ask of requests at a place.

    Attributes:
        policies: the one that is in force, and those that it is merged over.
        settings: field of a feature, as the file spells it → what it comes to; nothing where there are faults.
        faults: why it cannot be done; what it is in force at is denied then.
        errors: what of it cannot be done, and decides on nothing: what it is in force at goes without.
        is_merging: whether it is to be merged over what is in force at the listener, and has not been.
    """

    policies: tuple[ObjectKey, ...]
    settings: Mapping[str, object] = field(default_factory=dict, repr=False)
    faults: tuple[Fault, ...] = ()
    is_merging: bool = False
    errors: tuple[Fault, ...] = ()

    @property
    def kind(self) -> GroupKind:
        """Kind of its policies."""
        return self.policies[0].group_kind

    @property
    def denial(self) -> str:
        """Why what it is in force at is denied; empty where it is not."""
        why = "; ".join(fault.message for fault in self.faults)
        return f"{self.policies[0]} cannot be done as it is written ({why})" if self.faults else ""


PoliciesInForce = tuple[EffectivePolicy, ...]
"""One of each kind at the most, sorted by kind."""

_OwnersOf = Callable[[str], tuple[ObjectKey, ...]]
"""Field of a feature → the policies that it comes from, those first that count more."""


class EffectivePolicies:
    """Knows what every policy comes to that is applied to requests."""

    def __init__(self, index: ObjectIndex, policies: PolicyBook, backends: PolicyBackends) -> None:
        """Start without policies.

        Args:
            index: finds the objects.
            policies: knows what they are for.
            backends: finds what Envoy is to speak to itself.
        """
        self._index = index
        self._backends = backends
        self._policies = policies
        self._found: dict[ObjectKey, EffectivePolicy] = {}
        self._dependents: Dependents[ObjectKey] = Dependents()

    def update(
        self, changed: Changed, edit: PolicyEdit, encrypted: AbstractSet[ObjectKey] = frozenset()
    ) -> AbstractSet[ObjectKey]:
        """Decide again about the policies that changed, or that read something that changed.

        Args:
            changed: what is others than before.
            edit: the same of policies.
            encrypted: backends that may be spoken to otherwise.

        Returns:
            The objects of which a policy comes to something else than before.
        """
        dirty = edit.policies | self._dependents.readers((*changed.queries, *encrypted))
        moved = [key for key in sorted(dirty) if self._judge(key)]
        return frozenset[ObjectKey]().union(*(self._policies.about(key) for key in moved))

    def of(self, policy: ObjectKey) -> EffectivePolicy | None:
        """Return what a policy comes to by itself; None of one that is not applied to requests."""
        return self._found.get(policy)

    def are_any_for(self, objects: Iterable[ObjectKey]) -> bool:
        """Tell whether any policy that is applied to requests is for one of some objects."""
        return any(map(self._policies.applied, objects))

    def at_rule(self, route: ObjectKey, rule: str, all_rules: Collection[str]) -> PoliciesInForce:
        """Return what is in force at a rule of a route because of policies for the rule, or for the route.

        Args:
            route: the route.
            rule: name of the rule; empty where it has none.
            all_rules: names of all its rules.
        """
        attachments = self._policies.applied(route)
        in_order = [*(_on(attachments, rule) if rule else ()), *_on(attachments, "")]
        return self._in_force(in_order, _lost(attachments, all_rules)) if attachments else ()

    def at_listener(
        self, gateway: ObjectKey, owner: ObjectKey, listener: str, all_listeners: Mapping[ObjectKey, Collection[str]]
    ) -> PoliciesInForce:
        """Return what is in force at a listener, whatever its routes ask for.

        Args:
            gateway: its Gateway.
            owner: what it stands in: the Gateway, or a ListenerSet for it.
            listener: its name there.
            all_listeners: names of all listeners of both.
        """
        own, above = self._policies.applied(owner), self._policies.applied(gateway)
        if not (own or above):
            return ()
        in_order = [*_on(own, listener), *_on(own, ""), *_on(above, "")]
        lost = (*_lost(own, all_listeners[owner]), *_lost(above, all_listeners[gateway]))
        return self._in_force(in_order, lost)

    def all_merged(self, in_force: PoliciesInForce, above: PoliciesInForce) -> PoliciesInForce:
        """Merge what is asked of a rule over what is in force at a listener, as far as it is to be merged."""
        return tuple(self._merged(each, above) if each.is_merging else each for each in in_force)

    def _merged(self, own: EffectivePolicy, above: PoliciesInForce) -> EffectivePolicy:
        found = next((each for each in above if each.kind == own.kind), None)
        below = self._policies.policy(own.policies[0])
        if found is None or below is None or own.faults:
            return own
        parent = self._policies.policy(found.policies[0])
        if parent is None:
            return own
        if found != self._found[parent.key]:  # it is for a section that is not there
            return EffectivePolicy((below.key, parent.key), faults=found.faults)
        return self._merge(below, parent)

    def merged_queries(self, own: EffectivePolicy, above: PoliciesInForce) -> Iterator[Query]:
        """Yield everything that is asked to merge a policy, those aside that are asked for the two by themselves."""
        found = next((each for each in above if each.kind == own.kind), None)
        below = self._policies.policy(own.policies[0])
        parent = self._policies.policy(found.policies[0]) if found is not None else None
        if below is not None and parent is not None:
            spec = _merged_asked(below, parent)
            if isinstance(spec, MergingPolicySpec):
                yield from _queries(spec, below.key.group_kind, lambda name: _owners(name, below, parent))

    def _in_force(self, in_order: Iterable[Attachment], lost: Iterable[Attachment]) -> PoliciesInForce:
        """Choose of each kind the first; one for a section that is not there denies instead."""
        found: dict[GroupKind, EffectivePolicy] = {}
        for entry in lost:
            kind, fields = entry.policy.key.group_kind, entry.policy.content.fields
            if not APPLIED_KINDS[kind].decides(fields):
                continue
            found.setdefault(entry.policy.key.group_kind, _for_nothing(entry))
        for entry in in_order:
            found.setdefault(entry.policy.key.group_kind, self._found[entry.policy.key])
        return tuple(found[kind] for kind in sorted(found))

    def _judge(self, key: ObjectKey) -> bool:
        """Decide about a policy; tell whether it comes to something else than before."""
        before, policy = self._found.pop(key, None), self._policies.policy(key)
        if policy is None or self._policies.effect(policy) is not PolicyEffect.APPLIED:
            self._dependents.forget(key)
            return before is not None
        spec = policy.content.asked
        asked = spec if isinstance(spec, MergingPolicySpec) else None
        queries = _queries(asked, key.group_kind, lambda _: (key,)) if asked is not None else ()
        self._dependents.note(key, queries)
        now = self._found[key] = keep_equal(before, self._decide(policy, asked))
        return now is not before

    def _decide(self, policy: Policy, asked: MergingPolicySpec | None) -> EffectivePolicy:
        if asked is None:
            if not APPLIED_KINDS[policy.key.group_kind].decides(policy.content.fields):
                message = "it has mistakes, which are told beside this; what it is for goes without all of it"
                return EffectivePolicy((policy.key,), errors=(Fault(Reason.INVALID, message),))
            message = "it has mistakes, which are told beside this; what it is for is denied"
            return EffectivePolicy((policy.key,), faults=(Fault(Reason.INVALID, message),))
        found = self._resolve(asked, policy.key.group_kind, lambda _: (policy.key,))
        return EffectivePolicy((policy.key,), found.settings, found.faults, asked.asks_to_be_merged, found.errors)

    def _merge(self, below: Policy, above: Policy) -> EffectivePolicy:
        both = (below.key, above.key)
        spec = _merged_asked(below, above)
        if isinstance(spec, Fault):
            return EffectivePolicy(both, faults=(spec,))
        found = self._resolve(spec, below.key.group_kind, lambda name: _owners(name, below, above))
        return EffectivePolicy(both, found.settings, found.faults, errors=found.errors)

    def _resolve(self, spec: MergingPolicySpec, kind: GroupKind, owners: _OwnersOf) -> _Resolved:
        """Resolve all features of a spec; nothing of it where one cannot be done."""
        settings: dict[str, object] = {}
        faults: list[Fault] = []
        errors: list[Fault] = []
        for feature in APPLIED_KINDS[kind].features:
            asked = getattr(spec, feature.attribute)
            if asked is None:
                continue
            brought_by = owners(feature.field)
            context = FeatureContext(
                brought_by[0], ("spec", feature.field), self._index, brought_by, spec, self._backends
            )
            found = feature.resolve(asked, context)
            if isinstance(found, Fault):
                fault = Fault(Reason.INVALID, f"{feature.field}: {found.message}", found.path)
                (faults if feature.is_deciding else errors).append(fault)
            else:
                settings[feature.field] = found
        return _Resolved({} if faults else settings, tuple(faults), tuple(errors))


class _Resolved(NamedTuple):
    """What the features of a spec come to: see `EffectivePolicy`."""

    settings: Mapping[str, object]
    faults: tuple[Fault, ...]
    errors: tuple[Fault, ...]


def _on(attachments: Attachments, section: str) -> list[Attachment]:
    return [entry for entry in attachments if entry.section == section]


def _lost(attachments: Attachments, sections: Collection[str]) -> list[Attachment]:
    """Return the attachments to sections that are not there."""
    return [entry for entry in attachments if entry.section and entry.section not in sections]


def _for_nothing(entry: Attachment) -> EffectivePolicy:
    message = f"it is for {entry.section}, which is not there"
    return EffectivePolicy((entry.policy.key,), faults=(Fault(Reason.TARGET_NOT_FOUND, message),))


def _queries(spec: MergingPolicySpec, kind: GroupKind, owners: _OwnersOf) -> Iterator[Query]:
    for feature in APPLIED_KINDS[kind].features:
        asked = getattr(spec, feature.attribute)
        if asked is not None:
            yield from feature.queries(asked, owners(feature.field)[0])


def _owners(name: str, below: Policy, above: Policy) -> tuple[ObjectKey, ...]:
    """Return those of two policies that were merged which a feature comes from.

    In the namespace of the first it refers to objects (Envoy Gateway).
    """
    return (below.key, above.key) if name in below.content.fields else (above.key,)


def _merged_asked(below: Policy, above: Policy) -> MergingPolicySpec | Fault:
    """Merge the specs of two policies, of which the one below has no mistakes."""
    if above.content.asked is None:
        message = f"{above.key}, which it is to be merged over, has mistakes, which are told there"
        return Fault(Reason.INVALID, message)
    asked = below.content.asked
    row = APPLIED_KINDS[below.key.group_kind]
    is_strategic = isinstance(asked, MergingPolicySpec) and asked.merge_type == "StrategicMerge"
    raw = merged_spec(_raw_spec(below), _raw_spec(above), row.keyed_lists if is_strategic else {})
    try:
        return row.spec.model_validate(raw)
    except ValidationError:
        message = f"merged over {above.key} it has a mistake that none of the two has by itself"
        return Fault(Reason.INVALID, message)


def _raw_spec(policy: Policy) -> Mapping[str, object]:
    spec: Mapping[str, object] = json.loads(policy.content.document)["spec"]
    return spec
