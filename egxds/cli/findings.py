"""What is wrong with files, as text, as data, and as SARIF for who shows it beside the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from egxds import __version__
from egxds.cli.options import FindingsForm
from egxds.cli.output import DataFormat, write_data, write_line
from egxds.problems import Location, Problem, Severity

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {
    Severity.ERROR: "It is not used as it is written, or what it needs is not there.",
    Severity.WARNING: "It is used, and may not do what was meant.",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with files.

    Attributes:
        problems: in the order in which they are shown.
        objects: how many objects the files define.
    """

    problems: tuple[Problem, ...]
    objects: int

    @property
    def errors(self) -> int:
        """How many are errors."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def warnings(self) -> int:
        """How many are warnings."""
        return len(self.problems) - self.errors


def write_findings(found: Findings, form: FindingsForm) -> None:
    """Print findings on standard output; as text a line each, `file:line: severity: object: message`."""
    if form is FindingsForm.TABLE:
        for problem in found.problems:
            write_line(str(problem))
    elif form is FindingsForm.SARIF:
        write_data(_sarif(found), DataFormat.JSON)
    else:
        write_data(_data(found), DataFormat(form.value))


def _data(found: Findings) -> dict[str, object]:
    items = [
        {
            "severity": problem.severity.value,
            "file": problem.location.file,
            "line": problem.location.line,
            "object": problem.subject,
            "message": problem.message,
        }
        for problem in found.problems
    ]
    return {"items": items, "objects": found.objects, "errors": found.errors, "warnings": found.warnings}


def _sarif(found: Findings) -> dict[str, object]:
    rules = [
        {"id": severity.value, "shortDescription": {"text": text}, "defaultConfiguration": {"level": severity.value}}
        for severity, text in _RULES.items()
    ]
    driver = {"name": "egxds", "version": __version__, "rules": rules}
    results = list(map(_result, found.problems))
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(problem: Problem) -> dict[str, object]:
    about = f"{problem.subject}: " if problem.subject else ""
    return {
        "ruleId": problem.severity.value,
        "level": problem.severity.value,
        "message": {"text": f"{about}{problem.message}"},
        "locations": [{"physicalLocation": dict(_place(problem.location))}],
    }


def _place(location: Location) -> Iterator[tuple[str, Any]]:
    """Return where it stands; a line is one from 1 on, and left out where the whole file is meant (section 3.30.5)."""
    path = Path(location.file)
    yield "artifactLocation", {"uri": path.as_uri() if path.is_absolute() else quote(location.file)}
    if location.line:
        yield "region", {"startLine": location.line}
