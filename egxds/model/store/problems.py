"""What the files say wrong, as problems with their lines. Pure; made when somebody looks, from what there is to tell.

Nothing of this is on the way of a change to Envoy. It costs what there is to tell, and not what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from egxds.files.documents.document import SourceDocument
from egxds.model.api.references import ParentReference
from egxds.model.store.definitions import Definition, why_first
from egxds.model.store.documents import RefusedObject
from egxds.model.store.parse import yaml_problem
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem, Severity, error, warning

KindText = tuple[str, str]
"""apiVersion and kind, as written."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object, or a document, that is not used as it stands in the files; a version accepted before stays in force.

    Attributes:
        key: what identifies it; None where that cannot be told.
        location: where it starts.
        problems: why, at least one of them an error.
        api_version: as written; empty where that cannot be told.
        generation: as written; 0, which no accepted object has, where it is not.
        parents: of a route, those of its parentRefs that can be read.
    """

    key: ObjectKey | None
    location: Location
    problems: tuple[Problem, ...]
    api_version: str
    generation: int = 0
    parents: tuple[ParentReference, ...] = ()

    @property
    def message(self) -> str:
        """Why, with file and line."""
        return "; ".join(f"{problem.location}: {problem.message}" for problem in self.problems)


def refusals_in(document: SourceDocument, state: GatewayState) -> tuple[Refusal, ...]:
    """Return everything in a document that is not used as it stands."""
    parsed = state.reports.get(document)
    return tuple(_refusal(state, document, entry) for entry in parsed.refused) if parsed is not None else ()


def document_problems(document: SourceDocument, state: GatewayState) -> tuple[Problem, ...]:
    """Return what is wrong in a document, kinds that are passed over aside."""
    parsed = state.reports.get(document)
    if parsed is None:
        return ()
    first_line = _first_line(state, document)
    refused = (problem for refusal in refusals_in(document, state) for problem in refusal.problems)
    return (*refused, *(problem.at(document.file, first_line) for problem in parsed.problems))


def duplicate_problems(key: ObjectKey, state: GatewayState) -> tuple[Problem, ...]:
    """Say of each definition of an object but the one that counts that it does not count, and why."""
    definitions = state.contested.get(key)
    if definitions is None:
        return ()
    chosen, *others = definitions
    return tuple(_duplicate_problem(key, other, chosen, state) for other in others)


def _duplicate_problem(key: ObjectKey, other: Definition, chosen: Definition, state: GatewayState) -> Problem:
    place, counts = state.locate_definition(other), state.locate_definition(chosen)
    if chosen.item is not None and other.item is not None and chosen.item.says == other.item.says:
        return warning(place, f"is also defined at {counts}, which says the same; delete one of the two", str(key))
    reason = why_first(counts, place)
    return error(place, f"is also defined at {counts}, and that one counts, {reason}; delete one of the two", str(key))


def kinds_passed_over(document: SourceDocument, state: GatewayState) -> frozenset[KindText]:
    """Return the kinds in a document that are not read."""
    parsed = state.reports.get(document)
    return frozenset((entry.api_version, entry.kind) for entry in parsed.unknown_kinds) if parsed else frozenset()


def unknown_kind_problem(kind: KindText, documents: Iterable[SourceDocument], state: GatewayState) -> Problem:
    """Report a kind that is not read once, at its first place.

    Args:
        kind: apiVersion and kind, as written.
        documents: all that hold one, at least one.
        state: knows where they stand.
    """
    found = [
        (Location(document.file, _first_line(state, document) + entry.line), entry)
        for document in documents
        for entry in state.reports[document].unknown_kinds
        if (entry.api_version, entry.kind) == kind
    ]
    location, first = min(found, key=lambda each: each[0])
    others = f", and {len(found) - 1} more" if len(found) > 1 else ""
    hint = f"; {first.hint}" if first.hint else ""
    return warning(location, f"kind {first.kind} of {first.api_version} is not read: passed over{others}{hint}")


def problem_order(problem: Problem) -> tuple[Location, bool, str, str]:
    """Return a key that sorts problems by place."""
    return problem.location, problem.severity is Severity.WARNING, problem.subject, problem.message


def _first_line(state: GatewayState, document: SourceDocument) -> int:
    return state.files[document.file].line_of(document)


def _refusal(state: GatewayState, document: SourceDocument, entry: RefusedObject) -> Refusal:
    first_line = _first_line(state, document)
    problems = [problem.at(document.file, first_line) for problem in entry.problems]
    first, *rest = problems or [yaml_problem(document, first_line)]
    note = ""
    if entry.key is None and document.file in state.held:
        note = "; what was accepted from this file before stays in force"
    elif entry.key is not None and is_held(state, entry.key):
        note = "; the version accepted before stays in force"
    location = Location(document.file, first_line + entry.line)
    told = (replace(first, message=first.message + note), *rest)
    return Refusal(entry.key, location, told, entry.api_version, entry.generation or 0, entry.parents)


def is_held(state: GatewayState, key: ObjectKey) -> bool:
    """Tell whether an object is in force whose text is gone, or is not accepted."""
    place = state.places.get(key)
    return place is not None and place.is_held
