"""What a feature of a policy is: a field of its spec, what that refers to, and what it comes to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from egxds.model.api.policies import MergingPolicySpec
from egxds.model.api.validation import Path
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.features.reached import PolicyBackends
from egxds.model.resolve.index import ObjectIndex
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class FeatureContext:
    """What a feature is resolved in.

    Attributes:
        policy: the policy that asks for it; a feature of one that was merged has the one that brought it.
        path: where it stands there.
        index: finds the objects.
        policies: all that it comes from, those first that count more.
        spec: the whole of what is asked, which is of two policies where they are merged.
        backends: finds what Envoy is to speak to itself.
    """

    policy: ObjectKey
    path: Path
    index: ObjectIndex
    policies: tuple[ObjectKey, ...]
    spec: MergingPolicySpec
    backends: PolicyBackends


def _asks_nothing(_asked: Any, _policy: ObjectKey) -> Iterator[Query]:
    """Yield nothing: the feature refers to nothing."""
    return iter(())


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a kind of policy.

    Attributes:
        field: its field, as the file spells it.
        attribute: the same of the class of the spec.
        resolve: returns what is asked, all of its references followed, or why that cannot be done.
        queries: yields what it asks of other objects, whatever the answers are: the policy is decided anew where one is
            another. Takes what is asked, and the policy.
        is_deciding: whether it decides on access or trust. What cannot be done denies then; of any other feature it is
            an error, and what the policy is for goes without it.
    """

    field: str
    attribute: str
    resolve: Callable[[Any, FeatureContext], object | Fault]
    queries: Callable[[Any, ObjectKey], Iterator[Query]] = _asks_nothing
    is_deciding: bool = True
