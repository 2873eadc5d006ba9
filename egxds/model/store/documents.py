"""What parsing makes of one document. Pure values.

A document is parsed once for its text, and every place it has or comes to stand in is a shifted copy (`at`): lines are
told from the start of the document, so that a comment at the head of a large file costs no parsing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.line_map import LineMap
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem


@dataclass(frozen=True, slots=True)
class RefusedObject:
    """An object, or a document, that cannot be used as it stands.

    Attributes:
        key: what identifies it; None where that cannot be told.
        location: where it starts.
        problems: why, at least one of them an error.
        api_version: as written; empty where that cannot be told.
    """

    key: ObjectKey | None
    location: Location
    problems: tuple[Problem, ...]
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class UnknownKind:
    """An object of a kind that is not read.

    Attributes:
        api_version: as written.
        kind: as written.
        location: where the object starts.
        suggestion: the kind that may have been meant; empty where none is near.
    """

    api_version: str
    kind: str
    location: Location
    suggestion: str


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What one document holds.

    Attributes:
        location: where its text starts.
        digest: SHA-256 (hex) of its text.
        objects: those accepted, generation 1, in the order of the text.
        line_maps: for each of the objects, where its parts stand.
        refused: those not accepted.
        problems: warnings about objects that were accepted.
        unknown_kinds: objects that were passed over.
    """

    location: Location
    digest: str
    objects: tuple[ApiObject[ApiModel], ...] = ()
    line_maps: tuple[LineMap, ...] = ()
    refused: tuple[RefusedObject, ...] = ()
    problems: tuple[Problem, ...] = ()
    unknown_kinds: tuple[UnknownKind, ...] = ()

    def at(self, location: Location) -> Self:
        """Return what the same text holds at another place."""
        if location == self.location:
            return self
        shift = _Shift(self.location, location)
        return replace(
            self,
            location=location,
            objects=tuple(replace(item, location=shift.of(item.location)) for item in self.objects),
            refused=tuple(shift.of_refused(refused) for refused in self.refused),
            problems=shift.of_problems(self.problems),
            unknown_kinds=tuple(
                replace(unknown, location=shift.of(unknown.location)) for unknown in self.unknown_kinds
            ),
        )


@dataclass(frozen=True, slots=True)
class _Shift:
    """A document's way from one place to another."""

    old: Location
    new: Location

    def of(self, location: Location) -> Location:
        return Location(self.new.file, location.line - self.old.line + self.new.line)

    def of_problems(self, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        return tuple(replace(problem, location=self.of(problem.location)) for problem in problems)

    def of_refused(self, refused: RefusedObject) -> RefusedObject:
        return replace(refused, location=self.of(refused.location), problems=self.of_problems(refused.problems))
