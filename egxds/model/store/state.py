"""The objects in force at one moment, and what the files say beside them. Pure.

What is published is immutable: the store works in a thread while others read what it published before. Mappings are
copied where something in them changed, which costs the interpreter 0.1 ms for 10,000 entries, and shared elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar, cast

from egxds.files.documents.document import FileDocuments, SourceDocument
from egxds.incremental.changes import ChangeSet, changes_at, changes_between
from egxds.incremental.revision import Revision, Step
from egxds.model.api.core import ExtensionBody
from egxds.model.api.object import ApiModel, ApiObject, Kind
from egxds.model.api.policies import PolicyBody
from egxds.model.api.validation import Path
from egxds.model.store.definitions import Definition, Definitions
from egxds.model.store.documents import ParsedDocument
from egxds.model.store.line_map import line_map_at, offset_of
from egxds.model.store.rolled_back import RolledBack
from egxds.object_key import GroupKind, ObjectKey
from egxds.problems import Location, Problem

_T = TypeVar("_T", bound=ApiModel)
Objects = MappingProxyType[ObjectKey, ApiObject[_T]]
"""Objects of one kind, in no order that means anything."""

_NOTHING: Objects[ApiModel] = MappingProxyType({})


def _nothing() -> Objects[Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GatewayState:
    """The objects in force, by kind.

    A mapping is the same object as in the state before where none of its objects changed, and so is every
    object that did not change.

    Attributes:
        by_kind: objects of the built-in kinds; `of` returns them with their class.
        extensions: objects of kinds that belong to extensions, those of policies aside.
        policies: policies of extensions.
        changes: objects that are others than in the state before.
        mark: stands for this state; holding it keeps nothing of the state alive.
        steps: the marks of the states before, the newest last, each with the objects in which the next one differs.
        files: the documents of every file.
        places: where each object stands: the definition that counts, or that counted last.
        reports: documents that have something to tell people about, with what was parsed of them.
        contested: objects with several definitions → those, the one that counts first.
        rolled_back: objects whose text says what an Envoy refuses → what is in force instead.
        held: files of objects whose last accepted version stays in force without its text.
        unreadable: files that could not be read.
    """

    by_kind: Mapping[GroupKind, Objects[ApiModel]] = field(default_factory=dict)
    extensions: Objects[ExtensionBody] = field(default_factory=_nothing)
    policies: Objects[PolicyBody] = field(default_factory=_nothing)
    changes: ChangeSet[ObjectKey] = field(default_factory=ChangeSet)
    mark: object = field(default_factory=object, repr=False, compare=False)
    steps: tuple[Step[ObjectKey], ...] = field(default=(), repr=False, compare=False)
    files: Mapping[str, FileDocuments] = field(default_factory=dict, repr=False)
    places: Mapping[ObjectKey, Definition] = field(default_factory=dict, repr=False)
    reports: Revision[SourceDocument, ParsedDocument] = field(default_factory=Revision, repr=False)
    contested: Revision[ObjectKey, Definitions] = field(default_factory=Revision, repr=False)
    rolled_back: Revision[ObjectKey, RolledBack] = field(default_factory=Revision, repr=False)
    held: frozenset[str] = frozenset()
    unreadable: tuple[Problem, ...] = ()

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

    def changes_since(self, before: GatewayState) -> ChangeSet[ObjectKey]:
        """Return the objects that are others than in an earlier state, or in one of another origin.

        From the last states before this one they are known; from any other one both are looked at as a whole.
        """
        keys: set[ObjectKey] = set()
        if self.mark is before.mark:
            return ChangeSet()
        for mark, differing in reversed(self.steps):
            keys |= differing
            if mark is before.mark:
                return changes_at(keys, before.at(keys), self.at(keys))
        return changes_between(*({item.key: item for item in state.objects()} for state in (before, self)))

    def at(self, keys: Iterable[ObjectKey]) -> Mapping[ObjectKey, ApiObject[ApiModel]]:
        """Return some objects, those of them that are in force."""
        found = ((key, self.find(key)) for key in keys)
        return {key: item for key, item in found if item is not None}

    def count(self) -> int:
        """Count the objects in force."""
        return sum(map(len, (*self.by_kind.values(), self.extensions, self.policies)))

    def locate(self, item: ApiObject[ApiModel], path: Path = ()) -> Location:
        """Return the place of a part of an object, or of the nearest part around it whose place is known."""
        place = self.places[item.key]
        start = self.locate_definition(place)
        return (
            replace(start, line=start.line + offset_of(line_map_at(place.document.text, place.path), path))
            if path
            else start
        )

    def locate_definition(self, definition: Definition) -> Location:
        """Return where a definition stands."""
        document, start = definition.document, definition.last_start
        if start is None:
            start = self.files[document.file].line_of(document)
        return Location(document.file, start + definition.line)
