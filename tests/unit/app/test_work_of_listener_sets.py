"""A route at one of many ListenerSets costs what it changes, and an edit of a set is sent with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.app.test_work_follows_change_everywhere import Directory, route_app

SIZES = (100, 300, 1_000)
LINES_OF_A_SET = 450
"""That each other set may cost, at the most, where what a set says changes."""

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  allowedListeners: {namespaces: {from: Same}}
  listeners: [{name: http, port: 8000, protocol: HTTP}]
"""
SET = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {{name: ls{number:05}}}
spec:
  parentRef: {{name: web}}
  listeners: [{{name: a, port: 80, protocol: HTTP, hostname: {host}.test}}]
"""


def set_app(number: int, host: str = "", path: str = "/", address: str = "10.0.0.1", listener: str = "") -> str:
    """Write a ListenerSet, and a route at it with what it leads to.

    Args:
        number: of both.
        host: of the route; without one, it has what the set has.
        path: that it matches.
        address: of its endpoint.
        listener: hostname of the set.
    """
    parent = f"{{name: ls{number:05}, kind: ListenerSet}}"
    route = route_app(number, host, path, address).replace("{name: web}", parent)
    return route + SET.format(number=number, host=listener or f"h{number}")


Edit = Callable[[Directory], Path]

AT_A_SET: dict[str, tuple[Edit, dict[str, int]]] = {
    "a match": (lambda files: files.edit_app(2, set_app(2, path="new")), {"route": 1}),
    "a hostname that the set has not": (
        lambda files: files.edit_app(3, set_app(3, host="elsewhere")),
        {"route": 1, "cluster": 1},
    ),
    "an endpoint": (lambda files: files.edit_app(4, set_app(4, address="10.0.0.9")), {"endpoint": 1}),
    "a removal": (lambda files: files.edit_app(5, SET.format(number=5, host="h5")), {"route": 1, "cluster": 1}),
    "a touch": (Directory.touch, {}),
}
OF_A_SET: dict[str, tuple[Edit, dict[str, int]]] = {
    "a hostname of a set": (
        lambda files: files.edit_app(8, set_app(8, "other", listener="other")),
        {"route": 1},
    ),
    "a set that goes with its route": (lambda files: files.edit_app(9, ""), {"route": 1, "cluster": 1}),
    "a new set": (
        lambda files: files.edit_app(files.size, set_app(12_345)),
        {"cluster": 1, "endpoint": 1, "route": 1},
    ),
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size; every case edits another app in them."""
    base = tmp_path_factory.mktemp("sets")
    return [Directory(base / str(size), size, is_one_file=False, gateway=GATEWAY, app=set_app) for size in SIZES]


@pytest.mark.parametrize(("edit", "told"), AT_A_SET.values(), ids=AT_A_SET)
def test_an_edit_at_a_set_costs_the_same_at_any_size(
    directories: list[Directory], edit: Edit, told: dict[str, int]
) -> None:
    """Room by room; and an Envoy is told about what changed and nothing else."""
    results = [files.house.edit([edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [told] * len(SIZES)
    assert lines[1:] == lines[:-1]


@pytest.mark.parametrize(("edit", "told"), OF_A_SET.values(), ids=OF_A_SET)
def test_an_edit_of_a_set_is_sent_with_nothing_else(
    directories: list[Directory], edit: Edit, told: dict[str, int]
) -> None:
    """All listeners of the Gateway are judged together; what comes of the others is as it was, and little is asked."""
    results = [files.house.edit([edit(files)]) for files in directories]
    lines = [sum(counted.values()) for counted, _ in results]
    assert [sent for _, sent in results] == [told] * len(SIZES)
    assert lines[-1] - lines[0] < LINES_OF_A_SET * (SIZES[-1] - SIZES[0])
