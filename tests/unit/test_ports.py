"""The ports of tests: what runs beside each other gets none twice."""

from __future__ import annotations

import pytest

from tests.ports import free_port


def test_no_two_workers_are_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither knows what the other one was given, and may not have opened yet."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    parts = []
    for name in ("gw0", "gw1", "gw2"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", name)
        parts.append({free_port() % 3 for _ in range(20)})
    assert [len(part) for part in parts] == [1, 1, 1]
    assert len(set.union(*parts)) == 3


def test_one_that_takes_the_place_of_a_worker_that_crashed_has_its_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the next number, and there are no more workers than before."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw2")
    found = {free_port() % 2 for _ in range(20)}
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert found == {free_port() % 2}


def test_without_workers_every_port_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to be told that tests run alone."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    assert len({free_port() for _ in range(50)}) == 50
