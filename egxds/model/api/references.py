"""References from routes: to the Gateways and ListenerSets they attach to, objects beside them, backends. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator

from egxds.model.api.object import CORE_GROUP, GATEWAY_GROUP, ApiModel, Port, api_type
from egxds.model.api.scalars import Name, ObjectName, Subdomain, Word
from egxds.model.api.validation import FieldError, refuse


def backend_ref_errors(ref: BackendObjectReference) -> Iterator[FieldError]:
    """Check a reference to a backend."""
    if (ref.group, ref.kind) == ("", "Service") and ref.port is None:
        yield FieldError((), f"port is missing: name the port of Service {ref.name} that gets the traffic")


@api_type
class ParentReference(ApiModel):
    """The Gateway or ListenerSet, or the listener of it, that a route attaches to."""

    is_narrowing = True

    group: Word = GATEWAY_GROUP
    kind: Word = "Gateway"
    namespace: Name | None = None
    name: ObjectName
    section_name: Subdomain | None = None
    port: Port | None = None


@api_type
class LocalObjectReference(ApiModel):
    """An object in the same namespace."""

    group: Word
    kind: Word
    name: ObjectName


@api_type
class BackendObjectReference(ApiModel):
    """A backend; of a Service, the port that is meant."""

    group: Word = CORE_GROUP
    kind: Word = "Service"
    name: ObjectName
    namespace: Name | None = None
    port: Port | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(backend_ref_errors(self))
        return self


@api_type
class BackendRef(BackendObjectReference):
    """A backend and its share of the traffic; what has filters is another class."""

    narrowing_fields = frozenset({"filters"})

    weight: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 1


def indistinct_parents(parent_refs: tuple[ParentReference, ...]) -> Iterator[FieldError]:
    """Check that parentRefs differ as the API asks: sectionName or port on all that name one parent, or on none."""
    first: dict[tuple[str, str, str | None, str], ParentReference] = {}
    seen: set[tuple[object, ...]] = set()
    for index, ref in enumerate(parent_refs):
        target = (ref.group, ref.kind, ref.namespace or None, ref.name)
        section = (*target, ref.section_name, ref.port)
        if section in seen:
            yield FieldError(("parentRefs", index), "names the same parent as an entry before; delete one")
        elif not _has_equal_form(first.setdefault(target, ref), ref):
            message = f"every parentRef to {ref.name} must give sectionName, or port, as soon as one of them does"
            yield FieldError(("parentRefs", index), message)
        seen.add(section)


def _has_equal_form(one: ParentReference, other: ParentReference) -> bool:
    same_section = (one.section_name is None) == (other.section_name is None)
    return same_section and (one.port is None) == (other.port is None)
