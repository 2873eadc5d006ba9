"""Which definition of an object counts, where several documents define it. Pure.

Files have no server that would refuse a second object of one name, and the second one is nearly always a mistake: a
copy that was meant as a backup, or one that was to become another object. What is meant is the original. So the first
in this order counts:

1. the file that is less often named as a copy is: `backup`, `old`, `(1)` in its name or in that of a directory;
2. the file in fewer directories: `x.yaml` before `2025/x.yaml`;
3. the file with the shorter name: a copy is named after its original, with something added that tells them apart;
4. the file, and in one file the place, that comes first.

This asks nobody what was in force before, nor when. So a restart, `validate` and another machine come to the same, and
an original that is edited counts as edited. Times of files would not do: a checkout makes them anew, and some people
edit the original and some the copy. Nor would the order of names alone, by which `a-backup.yaml` displaces
`routes.yaml` with the next restart. To have none of them count would take a route out of service because somebody made
a copy.

A definition that does not count is as if it were not there. That holds for an original that is refused, or cannot be
read any more, too: its last accepted version stays, as it would without the copy, and a mistake in it does not bring
back what the copy says. Only where nobody knows what an unreadable file said, at a start without a `stateDir`, does the
copy count.

Definitions that say the same leave nothing to decide, which is a warning. Of others each that does not count is an
error that says which one does, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from egxds.files.documents.document import SourceDocument
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.validation import Path
from egxds.model.store.documents import ParsedDocument
from egxds.object_key import ObjectKey
from egxds.problems import Location


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """One place that defines an object.

    Attributes:
        document: the document, or where its text is gone the one that it was.
        line: where in it the object starts, 0 for its first line.
        item: the object; None where it was not accepted.
        path: where in the value of the document it stands.
        last_start: where the document last started in its file; None unless its text is gone, or is not accepted any
            more, and its last accepted version stays in force.
    """

    document: SourceDocument
    line: int
    item: ApiObject[ApiModel] | None = None
    path: Path = ()
    last_start: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether the object stays in force without this text."""
        return self.last_start is not None


@dataclass(frozen=True, slots=True)
class InForce:
    """An object in force.

    Attributes:
        item: the object.
        file: of the definition that counted last.
    """

    item: ApiObject[ApiModel]
    file: str


Definitions = tuple[Definition, ...]


def definitions_in(document: SourceDocument, parsed: ParsedDocument) -> list[tuple[ObjectKey, Definition]]:
    """Return every definition of a document with the object that it defines."""
    accepted = [(each.item.key, Definition(document, each.line, each.item, each.path)) for each in parsed.objects]
    refused = [(entry.key, Definition(document, entry.line)) for entry in parsed.refused if entry.key is not None]
    return [*accepted, *refused]


def choose(definitions: Sequence[Definition], locate: Callable[[Definition], Location]) -> Definition:
    """Return the definition that counts, by the order that the module opens with.

    Args:
        definitions: at least one, in any order.
        locate: says where a definition stands; asked only where there are several.
    """
    if len(definitions) == 1:
        return definitions[0]
    return min(definitions, key=lambda each: _rank(locate(each)))


def why_first(chosen: Location, other: Location) -> str:
    """Say why the definition at one place counts and not the one at another; a clause that follows its naming."""
    ranks = zip(_rank(chosen), _rank(other), _REASONS, strict=True)
    return next((reason for one, another, reason in ranks if one != another), _REASONS[-1])  # on one line, as JSON may


_REASONS = (
    "since this file is named as a copy is",
    "since it stands in fewer directories",
    "since its file has the shorter name",
    "since its file comes first by name",
    "since it stands further up",
)
"""For each part of a rank, why the one with the smaller value counts."""

_COPY = re.compile(
    r"backup|\(\d+\)|(?<![a-z])(?:archived?|bak|bck|bkp|cop(?:y|ies)|disabled|duplicates?|old|orig|prev|previous|saved?|te?mp)"
    r"(?![a-z])",
    re.IGNORECASE,
)
"""What is in the names of copies and of the directories that hold them."""


def _rank(place: Location) -> tuple[int, int, int, str, int]:
    file = place.file
    return len(_COPY.findall(file)), file.count("/"), len(file.rpartition("/")[2]), file, place.line
