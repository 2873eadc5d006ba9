"""Revisions of what tests write as lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from egxds.incremental.revision import Revision
from egxds.resources.resource import Resource, Resources


class Named(Protocol):
    """Something with a name."""

    @property
    def name(self) -> str:
        """Its name."""


NamedT = TypeVar("NamedT", bound=Named)


def named(items: Iterable[NamedT]) -> Revision[str, NamedT]:
    """Return things by name; no name is there twice."""
    found = list(items)
    by_name = Revision({item.name: item for item in found})
    assert len(by_name) == len(found)
    return by_name


def by_type(resources: Iterable[Resource]) -> Mapping[str, Resources]:
    """Return resources by type and name."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        found[resource.type_url].append(resource)
    return {type_url: named(of_type) for type_url, of_type in found.items()}


def listed(resources: Mapping[str, Resources]) -> tuple[Resource, ...]:
    """Return the resources of all types, sorted by name within a type."""
    return tuple(of_type[name] for of_type in resources.values() for name in sorted(of_type))
