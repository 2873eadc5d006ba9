"""An edit of a route costs the same however many others there are, and whether or not its rules are shadowed."""

from __future__ import annotations

import pytest

from tests.unit.app.test_work_follows_change_everywhere import Case, Directory, route_app

SIZES = (100, 1_000, 3_000)


def crowd_app(number: int, host: str = "one", path: str = "", address: str = "10.0.0.1") -> str:
    """Write a route of a hostname that all share, with a path of its own unless one is given."""
    return route_app(number, host, path or f"p{number}", address)


CASES = {
    "that nobody shadows": Case(lambda files: files.edit_app(2, crowd_app(2, path="new")), {"route": 1}),
    "that is shadowed from now on": Case(lambda files: files.edit_app(3, crowd_app(3, path="p20")), {"route": 1}),
    "that stays shadowed": Case(lambda files: files.edit_app(3, crowd_app(3, path="p21")), {"route": 1}),
    "that is shadowed no more": Case(lambda files: files.edit_app(3, crowd_app(3)), {"route": 1}),
    "that an open end shadows": Case(lambda files: files.edit_app(14, crowd_app(14, path="p1-new")), {"route": 1}),
    "that shadows another one": Case(lambda files: files.edit_app(4, crowd_app(4, path="p50")), {"route": 1}),
    "that shadows another one no more": Case(lambda files: files.edit_app(4, crowd_app(4)), {"route": 1}),
    "that goes and was shadowing": Case(lambda files: files.edit_app(5, ""), {"route": 1, "cluster": 1}),
}


WIDE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: wide}
spec:
  parentRefs: [{name: web}]
  hostnames: [one.test]
  rules: [{matches: [{path: {type: RegularExpression, value: /p1.*}}], backendRefs: [{name: s0, port: 80}]}]
"""


@pytest.fixture(scope="module", params=["", WIDE], ids=["routes alone", "an open end that shadows many"])
def directories(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size, in which route 5 shadows route 6."""
    base = tmp_path_factory.mktemp("crowds")
    found = [Directory(base / str(size), size, is_one_file=False, app=crowd_app) for size in SIZES]
    for files in found:
        files.house.edit([files.edit_app(6, crowd_app(6, path="p5")), files.write("wide.yaml", request.param)])
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_of_a_route_costs_the_same_at_any_size(directories: list[Directory], case: Case) -> None:
    """All of them under one hostname; only the RouteConfiguration is another one."""
    results = [files.house.edit([case.edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [case.sent] * len(SIZES)
    assert lines[1:] == lines[:-1]
