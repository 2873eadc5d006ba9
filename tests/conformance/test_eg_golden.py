"""Envoy Gateway's golden translations: objects come to the same status here, or the difference has a reason.

`EG_GOLDEN` names the folder of the data. `differences.yaml` lists what differs; cases with kinds that are not served
here are left out.
"""

from __future__ import annotations

import pytest

from tests.conformance.eg_golden import FOLDER, GoldenCase, GoldenFiles, differences

LIMIT_S = 400

pytestmark = [
    pytest.mark.timeout(LIMIT_S),
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no golden files of Envoy Gateway in {FOLDER}"),
]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[GoldenCase]:
    """Every case, compared."""
    return list(GoldenFiles(FOLDER, tmp_path_factory.mktemp("eg-golden")).cases())


def test_what_differs_has_a_reason(cases: list[GoldenCase]) -> None:
    """A case comes out the same, or is listed."""
    unexplained = {case.name: case.faults for case in cases if case.faults and case.name not in differences()}
    assert unexplained == {}


def test_what_has_a_reason_differs(cases: list[GoldenCase]) -> None:
    """A list that keeps what is mended would say nothing of the next case."""
    differing = {case.name for case in cases if case.faults}
    stale = {name: reason for name, reason in differences().items() if name not in differing}
    assert stale == {}


def test_some_cases_are_compared(cases: list[GoldenCase]) -> None:
    """That none is of served kinds would be a mistake of the comparison."""
    assert any(not case.unknown and not case.faults for case in cases)
