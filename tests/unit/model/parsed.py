"""Parses one document, and shows what came of it."""

from __future__ import annotations

from itertools import chain

from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.documents import ParsedDocument
from egxds.model.store.parse import parse_document, yaml_problem
from egxds.problems import Problem
from tests.unit.model.texts import document
from tests.unit.model.worlds import KINDS


def parse(text: str) -> ParsedDocument:
    """Parse a text."""
    return parse_document(document(text), KINDS)


def accepted(text: str) -> list[ApiObject[ApiModel]]:
    """Return the objects of a text that are accepted."""
    return [found.item for found in parse(text).objects]


def errors(text: str, first_line: int = 1) -> list[Problem]:
    """Return everything that is said of a document that starts on a line of its file."""
    source, parsed = document(text), parse(text)
    refusals = [
        [problem.at(source.file, first_line) for problem in refused.problems] or [yaml_problem(source, first_line)]
        for refused in parsed.refused
    ]
    return [*(problem.at(source.file, first_line) for problem in parsed.problems), *chain.from_iterable(refusals)]
