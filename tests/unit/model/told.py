"""All that people would be told of a state or a resolution at once; egxds itself makes it object by object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from egxds.files.documents.document import SourceDocument
from egxds.model.resolve.resolved import Resolution
from egxds.model.store.problems import (
    KindText,
    Refusal,
    document_problems,
    duplicate_problems,
    kinds_passed_over,
    problem_order,
    refusals_in,
    unknown_kind_problem,
)
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Problem

Statuses = Mapping[ObjectKey, Mapping[str, object]]


def refusals(state: GatewayState) -> tuple[Refusal, ...]:
    """Return everything that is not used as it stands, sorted by place."""
    found = (refusal for document in state.reports for refusal in refusals_in(document, state))
    return tuple(sorted(found, key=lambda refusal: refusal.location))


def store_problems(state: GatewayState) -> tuple[Problem, ...]:
    """Return everything found while reading, what is said of the refused included; sorted by place."""
    found = {*state.unreadable}
    found.update(problem for document in state.reports for problem in document_problems(document, state))
    found.update(problem for key in state.contested for problem in duplicate_problems(key, state))
    by_kind: dict[KindText, list[SourceDocument]] = defaultdict(list)
    for document in state.reports:
        for kind in kinds_passed_over(document, state):
            by_kind[kind].append(document)
    found.update(unknown_kind_problem(kind, documents, state) for kind, documents in by_kind.items())
    return tuple(sorted(found, key=problem_order))


def statuses(resolution: Resolution) -> Statuses:
    """Return the Gateway API status of every object that has one, sorted by key."""
    report = resolution.report
    found = ((key, report.status(key)) for key in sorted(report.judged))
    return {key: status for key, status in found if status is not None}


def problems(resolution: Resolution) -> tuple[Problem, ...]:
    """Return the errors and warnings found while following references, sorted by place."""
    report = resolution.report
    found = (problem for key in report.judged for problem in report.problems(key))
    return tuple(sorted(found, key=lambda problem: (problem.location, problem.subject, problem.message)))
