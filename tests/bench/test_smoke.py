"""The benchmarks run: a few scenarios with three of everything. What they measure is not looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from egxds.telemetry import Metrics
from tests.bench.__main__ import plan, run
from tests.bench.parameters import Layout, Parameters
from tests.bench.report import lines, write_json
from tests.bench.scenarios import SCENARIOS
from tests.bench.scenarios.many_clients import limited_by

pytestmark = pytest.mark.envoy

CHOSEN = ("edit", "delete", "endpoint", "touch", "restart", "fan-out", "hooks", "splits", "storm")


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("envoy_binary")
def test_a_few_scenarios_bring_figures(tmp_path: Path) -> None:
    """Every figure has samples, and a table and a file come of them."""
    results = list(run(Parameters(only=CHOSEN, sizes=(3,), samples=1, clients=3, modes=("thread",))))
    assert [result.failure for result in results if result.row is None] == []
    assert all(spread.samples for result in results if result.row for spread in result.row.figures.values())
    assert all(lines(result) for result in results)
    write_json(tmp_path / "bench.json", results)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("envoy_binary")
def test_publishing_brings_figures(require: Callable[..., None]) -> None:
    """An edit that is published takes three transactions, and writes little more than itself."""
    require("etcd", "etcdctl")
    (result,) = run(Parameters(only=("publish",), sizes=(3,), samples=1, layouts=(Layout.EACH,)))
    assert result.row is not None, result.failure
    assert result.row.figures["trips"].samples == (3,)


@pytest.mark.timeout(300)
def test_candidates_bring_figures(require: Callable[..., None]) -> None:
    """Whoever had a candidate first is told nothing when it is promoted."""
    require("etcd", "etcdctl")
    (result,) = run(Parameters(only=("candidate",), sizes=(3,), samples=1, layouts=(Layout.EACH,)))
    assert result.row is not None, result.failure
    assert result.row.figures["told again"].samples == (0,)


@pytest.mark.timeout(300)
def test_a_fleet_brings_figures(require: Callable[..., None]) -> None:
    """Envoys of a replica that is gone are with the others."""
    require("etcd", "etcdctl")
    (result,) = run(Parameters(only=("fleet",), sizes=(3,), samples=1, clients=2))
    assert result.row is not None, result.failure
    assert all(spread.samples for spread in result.row.figures.values())


def test_storm_reaches_no_limit() -> None:
    """Many clients of a daemon of its own, with its default limits; a figure says so, and one that is not 0 fails."""
    (result,) = run(Parameters(only=("storm",), sizes=(300,), clients=60))
    assert result.row is not None, result.failure
    assert "0 limited" in result.row.note


def test_limit_that_was_reached_is_seen() -> None:
    """Each by its name, out of what a daemon counts."""
    metrics = Metrics()
    assert limited_by(generate_latest(metrics.registry).decode()) == {}
    metrics.xds_limited_total.labels(limit="xds.limits.streams").inc(3)
    assert limited_by(generate_latest(metrics.registry).decode()) == {"xds.limits.streams": 3.0}


def test_what_is_not_there_is_not_passed_over() -> None:
    """A name that is misspelt would else measure nothing, and say so to nobody."""
    with pytest.raises(SystemExit, match="no such scenario: edits"):
        list(plan(Parameters(only=("edits",))))


def test_every_scenario_has_a_name_of_its_own() -> None:
    """Two of one name could not be told apart."""
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
