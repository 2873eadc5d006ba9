"""The objects in force at one moment. Pure.

Published and never changed: the state before stays what it was for whoever still works on it, in another thread too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import TypeVar, cast

from egxds.model.api.core import ExtensionBody
from egxds.model.api.object import ApiModel, ApiObject, Kind
from egxds.model.api.policies import PolicyBody
from egxds.model.api.validation import Path
from egxds.model.store.documents import RefusedObject
from egxds.model.store.line_map import LineMap, offset_of
from egxds.object_key import GroupKind, ObjectKey
from egxds.problems import Location, Problem

_T = TypeVar("_T", bound=ApiModel)
Objects = Mapping[ObjectKey, ApiObject[_T]]
"""Objects of one kind, sorted by namespace and name."""

ACCEPTED, REFUSED = "accepted", "refused"
UNKNOWN_KIND = "unknown"

_NOTHING: Objects[ApiModel] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GatewayState:
    """The objects in force, by kind.

    A mapping is the same object as in the state before where none of its objects changed, and so is every
    object that did not change.

    Attributes:
        by_kind: objects of the built-in kinds; `of` returns them with their class.
        extensions: objects of kinds that belong to extensions, those of policies aside.
        policies: policies of extensions.
        refused: what is not used as it stands in the files; an object accepted before stays in force.
        problems: everything found while reading, what is said of the refused included; sorted by place.
        line_maps: where the parts of each object stand.
    """

    by_kind: Mapping[GroupKind, Objects[ApiModel]] = field(default_factory=dict)
    extensions: Objects[ExtensionBody] = field(default_factory=dict)
    policies: Objects[PolicyBody] = field(default_factory=dict)
    refused: tuple[RefusedObject, ...] = ()
    problems: tuple[Problem, ...] = ()
    line_maps: Mapping[ObjectKey, LineMap] = field(default_factory=dict, repr=False)

    def of(self, kind: Kind[_T]) -> Objects[_T]:
        """Return the objects of a built-in kind; the same mapping as before where none of them changed."""
        return cast("Objects[_T]", self.by_kind.get(kind.id, _NOTHING))

    def find(self, key: ObjectKey) -> ApiObject[ApiModel] | None:
        """Return an object of any kind."""
        return self.by_kind.get(key.group_kind, _NOTHING).get(key) or self.extensions.get(key) or self.policies.get(key)

    def objects(self) -> Iterator[ApiObject[ApiModel]]:
        """Iterate over all objects in force, kind by kind."""
        groups = (*self.by_kind.values(), self.extensions, self.policies)
        return chain.from_iterable(group.values() for group in groups)

    def count(self) -> int:
        """Count the objects in force."""
        return sum(map(len, (*self.by_kind.values(), self.extensions, self.policies)))

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Count objects by kind and state: `accepted` ones are in force, `refused` ones not used as they stand.

        A document of which not even the kind can be told counts as of kind `unknown`.
        """
        found = Counter({(kind, ACCEPTED): len(items) for (_, kind), items in self.by_kind.items()})
        found.update((key.kind, ACCEPTED) for key in (*self.extensions, *self.policies))
        found.update((entry.key.kind if entry.key else UNKNOWN_KIND, REFUSED) for entry in self.refused)
        return found

    def locate(self, item: ApiObject[ApiModel], path: Path = ()) -> Location:
        """Return the place of a part of an object, or of the nearest part around it whose place is known."""
        offset = offset_of(self.line_maps.get(item.key, {}), path)
        return Location(item.location.file, item.location.line + offset)
