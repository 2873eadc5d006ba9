"""Policies, as a user writes them: what they target, and the rest as it is. Pure.

Source: Gateway API, GEP-713 (Direct Policy Attachment); the selectors are Envoy Gateway's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from egxds.model.api.core import ExtensionBody
from egxds.model.api.gateway import RouteNamespaces
from egxds.model.api.label_selectors import LabelSelector
from egxds.model.api.object import GATEWAY_GROUP, ApiModel, api_type
from egxds.model.api.scalars import Subdomain
from egxds.model.api.validation import FieldError, refuse


@api_type
class PolicyTargetReference(ApiModel):
    """An object in the policy's own namespace, or a section of it: a listener of a Gateway, a rule of a route."""

    group: str
    kind: str = Field(min_length=1)
    name: Subdomain
    section_name: Subdomain | None = None


@api_type
class TargetNamespaces(RouteNamespaces):
    """In which namespaces a selector looks."""

    from_: Literal["All", "Selector", "Same"] = Field(default="Same", alias="from")


@api_type
class TargetSelector(LabelSelector):
    """Objects of a kind, by their labels."""

    group: str = GATEWAY_GROUP
    kind: str = Field(min_length=1)
    namespaces: TargetNamespaces = TargetNamespaces()

    @model_validator(mode="after")
    def _check(self) -> Self:
        # What decides on access and selects nobody for a slip of the pen would let everybody in.
        refuse(self.unservable())
        refuse(error.below(("namespaces",)) for error in self.namespaces.unservable())
        return self


@api_type
class PolicyTargets(ApiModel):
    """What of the spec of a policy says which objects it is about."""

    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    target_selectors: tuple[TargetSelector, ...] = ()

    def deprecated(self) -> Iterator[str]:
        """Say which fields have others in their place, as Envoy Gateway does."""
        if self.target_ref is not None:
            yield "spec.targetRef is deprecated, use spec.targetRefs instead"


MergeType = Literal["StrategicMerge", "JSONMerge", "Replace"]

_MERGING = frozenset({"StrategicMerge", "JSONMerge"})
_ROUTE = "Route"


def merge_errors(spec: MergingPolicySpec) -> Iterator[FieldError]:
    """Check that only what is for routes asks to be merged, as the API has it."""
    if spec.merge_type is None:
        return
    kinds = {ref.kind for ref in spec.target_refs} | {selector.kind for selector in spec.target_selectors}
    kinds |= {spec.target_ref.kind} if spec.target_ref is not None else set()
    if not all(kind.endswith(_ROUTE) for kind in kinds):
        message = "is for policies of routes; those of Gateways and listeners replace each other"
        yield FieldError(("mergeType",), message)


@api_type
class MergingPolicySpec(PolicyTargets):
    """spec of a policy that may be merged over the one in force above it.

    Attributes:
        merge_type: how; without it, or with Replace, the policy stands alone.
    """

    merge_type: MergeType | None = None

    @property
    def asks_to_be_merged(self) -> bool:
        """Whether what is in force above it counts, too."""
        return self.merge_type in _MERGING

    @model_validator(mode="after")
    def _check_merging(self) -> Self:
        refuse(merge_errors(self))
        return self


@api_type
class PolicyBody(ExtensionBody):
    """A policy: of an extension, or of a kind that decides on access, served or not.

    Attributes:
        targets: what it is about.
        fields: names of all fields of its spec.
        asked: its spec, where it is of a kind that is served and nothing in it is wrong.
    """

    targets: PolicyTargets
    fields: frozenset[str] = frozenset()
    asked: ApiModel | None = None
