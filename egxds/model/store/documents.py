"""What parsing makes of one document. Pure values, none of which knows its line in the file.

Lines count from the start of the document: what was parsed of a text holds wherever the text stands, and a comment at
the top of a file changes nothing of what is below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.references import ParentReference
from egxds.model.api.validation import Path
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem, Severity


@dataclass(frozen=True, slots=True)
class DocumentProblem:
    """Something wrong with a document.

    Attributes:
        severity: whether its subject is refused or only questioned.
        line: where, 0 for the document's first line.
        message: what is wrong and what to do about it.
        subject: the object it is about; empty where none is known.
    """

    severity: Severity
    line: int
    message: str
    subject: str = ""

    def at(self, file: str, first_line: int) -> Problem:
        """Return the problem of a document that starts on a line of a file."""
        return Problem(self.severity, Location(file, first_line + self.line), self.message, self.subject)


@dataclass(frozen=True, slots=True)
class ParsedObject:
    """An object that was accepted.

    Attributes:
        item: the object, of the generation that its file says, or 1.
        line: where it starts.
        path: where in the value of its document it stands: empty but for the objects of a list.
        problems: warnings about it.
    """

    item: ApiObject[ApiModel]
    line: int
    path: Path = ()
    problems: tuple[DocumentProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedObject:
    """An object, or a document, that cannot be used as it stands.

    Attributes:
        key: what identifies it; None where that cannot be told.
        line: where it starts.
        problems: why, at least one of them an error; none where the text is not YAML, whose errors name lines of the
            file and are therefore found again when somebody looks.
        api_version: as written; empty where that cannot be told.
        generation: as written; None where it is not, or cannot be told.
        parents: of a route, those of its parentRefs that can be read.
    """

    key: ObjectKey | None
    line: int
    problems: tuple[DocumentProblem, ...] = ()
    api_version: str = ""
    generation: int | None = None
    parents: tuple[ParentReference, ...] = ()


@dataclass(frozen=True, slots=True)
class UnknownKind:
    """An object of a kind that is not read.

    Attributes:
        api_version: as written.
        kind: as written.
        line: where the object starts.
        hint: what to write instead; empty where nobody can tell.
    """

    api_version: str
    kind: str
    line: int
    hint: str


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What one document holds.

    Attributes:
        objects: those accepted, in the order of the text.
        refused: those not accepted.
        unknown_kinds: objects that were passed over.
    """

    objects: tuple[ParsedObject, ...] = ()
    refused: tuple[RefusedObject, ...] = ()
    unknown_kinds: tuple[UnknownKind, ...] = ()

    @property
    def problems(self) -> tuple[DocumentProblem, ...]:
        """Warnings about objects that were accepted."""
        return tuple(problem for each in self.objects for problem in each.problems)

    @property
    def says_something(self) -> bool:
        """Whether there is anything in it to tell people about."""
        return bool(self.refused or self.problems or self.unknown_kinds)

    @property
    def is_unclear(self) -> bool:
        """Whether it holds something that could be any object, one in force included."""
        return any(entry.key is None for entry in self.refused)
