"""The benchmarks run: a few scenarios with three of everything. What they measure is not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.__main__ import plan, run
from tests.bench.parameters import Parameters
from tests.bench.report import lines, write_json
from tests.bench.scenarios import SCENARIOS

pytestmark = pytest.mark.envoy

CHOSEN = ("edit", "delete", "endpoint", "touch", "restart", "fan-out", "hooks", "splits")


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("envoy_binary")
def test_a_few_scenarios_bring_figures(tmp_path: Path) -> None:
    """Every figure has samples, and a table and a file come of them."""
    results = list(run(Parameters(only=CHOSEN, sizes=(3,), samples=1, clients=3, modes=("thread",))))
    assert [result.failure for result in results if result.row is None] == []
    assert all(spread.samples for result in results if result.row for spread in result.row.figures.values())
    assert all(lines(result) for result in results)
    write_json(tmp_path / "bench.json", results)


def test_what_is_not_there_is_not_passed_over() -> None:
    """A name that is misspelt would else measure nothing, and say so to nobody."""
    with pytest.raises(SystemExit, match="no such scenario: edits"):
        list(plan(Parameters(only=("edits",))))


def test_every_scenario_has_a_name_of_its_own() -> None:
    """Two of one name could not be told apart."""
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
