"""What the files say wrong, as problems with their lines. Pure; made when somebody looks, from what there is to tell.

Nothing of this is on the way of a change to Envoy. It costs what there is to tell, and not what there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from egxds.files.documents.document import SourceDocument
from egxds.model.store.documents import RefusedObject, UnknownKind
from egxds.model.store.parse import yaml_problem
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem, Severity, error, warning


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object, or a document, that is not used as it stands in the files; a version accepted before stays in force.

    Attributes:
        key: what identifies it; None where that cannot be told.
        location: where it starts.
        problems: why, at least one of them an error.
        api_version: as written; empty where that cannot be told.
    """

    key: ObjectKey | None
    location: Location
    problems: tuple[Problem, ...]
    api_version: str


def refusals(state: GatewayState) -> tuple[Refusal, ...]:
    """Return everything that is not used as it stands, sorted by place."""
    held = _files_of_held(state)
    found = [
        _refusal(state, document, entry, held) for document, parsed in state.reports.items() for entry in parsed.refused
    ]
    return tuple(sorted(found, key=lambda refusal: refusal.location))


def store_problems(state: GatewayState) -> tuple[Problem, ...]:
    """Return everything found while reading, what is said of the refused included; sorted by place."""
    found = {*state.unreadable, *_duplicates(state), *_unknown_kinds(state)}
    found.update(problem for refusal in refusals(state) for problem in refusal.problems)
    for document, parsed in state.reports.items():
        first_line = _first_line(state, document)
        found.update(problem.at(document.file, first_line) for problem in parsed.problems)
    return tuple(sorted(found, key=_problem_order))


def _first_line(state: GatewayState, document: SourceDocument) -> int:
    return state.files[document.file].line_of(document)


def _refusal(state: GatewayState, document: SourceDocument, entry: RefusedObject, held: frozenset[str]) -> Refusal:
    first_line = _first_line(state, document)
    problems = [problem.at(document.file, first_line) for problem in entry.problems]
    first, *rest = problems or [yaml_problem(document, first_line)]
    note = ""
    if entry.key is None and document.file in held:
        note = "; what was accepted from this file before stays in force"
    elif entry.key is not None and _is_held(state, entry.key):
        note = "; the version accepted before stays in force"
    location = Location(document.file, first_line + entry.line)
    return Refusal(entry.key, location, (replace(first, message=first.message + note), *rest), entry.api_version)


def _is_held(state: GatewayState, key: ObjectKey) -> bool:
    """Tell whether an object is in force whose text is gone, or is not accepted."""
    place = state.places.get(key)
    return place is not None and place.document is None


def _files_of_held(state: GatewayState) -> frozenset[str]:
    if not state.reports:
        return frozenset()
    return frozenset(place.file for place in state.places.values() if place.document is None)


def _duplicates(state: GatewayState) -> Iterator[Problem]:
    for key, (chosen, *others) in state.contested.items():
        message = f"is also defined at {state.locate_definition(chosen)}, and that one counts; delete one of the two"
        yield from (error(state.locate_definition(other), message, str(key)) for other in others)


def _unknown_kinds(state: GatewayState) -> Iterator[Problem]:
    """Report each kind that is not read once, at its first place."""
    by_kind: dict[tuple[str, str], list[tuple[Location, UnknownKind]]] = defaultdict(list)
    for document, parsed in state.reports.items():
        for entry in parsed.unknown_kinds:
            location = Location(document.file, _first_line(state, document) + entry.line)
            by_kind[entry.api_version, entry.kind].append((location, entry))
    for found in by_kind.values():
        location, first = min(found, key=lambda each: each[0])
        others = f", and {len(found) - 1} more" if len(found) > 1 else ""
        hint = f"; did you mean {first.suggestion}?" if first.suggestion else ""
        yield warning(location, f"kind {first.kind} of {first.api_version} is not read: passed over{others}{hint}")


def _problem_order(problem: Problem) -> tuple[Location, bool, str, str]:
    return problem.location, problem.severity is Severity.WARNING, problem.subject, problem.message
