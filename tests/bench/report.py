"""Rows as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measurements import Row, Spread
from tests.bench.scenario import Scenario

_COLUMNS = (
    f"{'scenario':<14}{'size':>7}  {'files':<12}{'figure':<28}{'p50':>10}{'p99':>10}{'min':>10}{'max':>10}{'n':>5}"
)


@dataclass(frozen=True)
class Result:
    """What came of a scenario.

    Attributes:
        scenario: which.
        row: its figures; None where it failed.
        failure: why.
    """

    scenario: Scenario
    row: Row | None
    failure: str = ""


def head() -> str:
    """Return the line above the table."""
    return _COLUMNS


def lines(result: Result) -> list[str]:
    """Return the lines of one result."""
    if result.row is None:
        return [f"{result.scenario.name:<14} FAILED: {result.failure}"]
    row = result.row
    where = f"{result.scenario.name:<14}{row.size:>7}  {row.layout:<12}"
    written = [f"{where}{name:<28}{_numbers(spread)}" for name, spread in row.figures.items()]
    return [*written, f"{'':<14}{'':>7}  {row.note}"] if row.note else written


def _numbers(spread: Spread) -> str:
    values = (spread.p50, spread.p99, min(spread.samples), max(spread.samples))
    return "".join(f"{_number(value):>10}" for value in values) + f"{len(spread.samples):>5} {spread.unit}"


def _number(value: float) -> str:
    """Write three digits, or all of those before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def write_json(path: Path, results: Sequence[Result]) -> None:
    """Write everything, samples included, with the load of the machine."""
    machine = {"cores": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()}
    path.write_text(json.dumps({"machine": machine, "results": [_as_json(result) for result in results]}, indent=1))


def _as_json(result: Result) -> dict[str, object]:
    named: dict[str, object] = {"scenario": result.scenario.name, "about": result.scenario.about}
    if result.row is None:
        return named | {"failure": result.failure}
    figures = {name: spread.as_json() for name, spread in result.row.figures.items()}
    return named | {
        "size": result.row.size,
        "files": result.row.layout,
        "figures": figures,
        "note": result.row.note,
    }
