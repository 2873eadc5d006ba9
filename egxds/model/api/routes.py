"""What routes of all kinds have in common, as a user writes them: parents, hostnames, rules, backends. Pure.

Attachment, references and listeners see a route of any kind as what stands here; a kind adds what its own rules say.
The rules are those that the CRDs of all kinds of routes share (Gateway API v1.6, CommonRouteSpec).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from egxds.model.api.filters import RouteFilter, repeated_filters
from egxds.model.api.matches import RouteMatch
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.references import BackendRef, ParentReference, indistinct_parents
from egxds.model.api.scalars import Subdomain
from egxds.model.api.validation import FieldError, refuse

_MAX_MATCHES = 128


@api_type
class FilteringBackendRef(BackendRef):
    """A backend, and what is done to the requests that go there; each kind of route lists the filters that it takes."""

    narrowing_fields = frozenset({"filters"})

    filters: tuple[RouteFilter, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _check_filters(self) -> Self:
        refuse(repeated_filters(self.filters))
        return self


@api_type
class RouteRule(ApiModel):
    """One rule: any of its matches, then its filters, then its backends."""

    narrowing_fields = frozenset({"filters", "matches"})

    name: Subdomain | None = None
    matches: tuple[RouteMatch, ...] = ()
    filters: tuple[RouteFilter, ...] = Field(default=(), max_length=16)
    backend_refs: tuple[BackendRef, ...] = Field(default=(), max_length=16)

    @property
    def answers_itself(self) -> bool:
        """Whether a filter answers every request, so that none goes to a backend."""
        return False

    def unservable(self) -> Iterator[FieldError]:
        """Say what of it cannot be served, so that it is closed; the filters of its backends are another thing."""
        for field, entries in (("matches", self.matches), ("filters", self.filters)):
            for at, entry in enumerate(entries):
                yield from (error.below((field, at)) for error in entry.unservable())

    def filters_of(self, backend: int) -> tuple[RouteFilter, ...]:  # noqa: ARG002 of kinds whose backends have some
        """Return what is done to the requests that go to one of its backends, counted from 0."""
        return ()


@api_type
class RouteSpec(ApiModel):
    """spec of a route.

    Attributes:
        hostnames: none where the kind has none, or where all are meant.
    """

    narrowing_fields = frozenset({"hostnames"})
    unserved_fields = frozenset({"useDefaultGateways"})

    parent_refs: tuple[ParentReference, ...] = Field(default=(), max_length=32)
    hostnames: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()

    @property
    def unattachable(self) -> str:
        """Why no listener can take it, whatever it names; empty where one can."""
        return ""


def route_errors(route: RouteSpec, matches: int) -> Iterator[FieldError]:
    """Check what the rules, and the parentRefs, of a route must not have in common.

    Args:
        route: the route.
        matches: how many its rules have together.
    """
    if matches > _MAX_MATCHES:
        yield FieldError(("rules",), f"hold more than {_MAX_MATCHES} matches together; split the route")
    yield from _equal_rule_names(route)
    yield from indistinct_parents(route.parent_refs)


def _equal_rule_names(route: RouteSpec) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, rule in enumerate(route.rules):
        if rule.name is not None and rule.name in seen:
            yield FieldError(("rules", index, "name"), f"another rule is named {rule.name} too; rename one")
        seen.update([rule.name] if rule.name is not None else ())
