"""The conformance suite of the Gateway API, replayed from its data against a daemon and a real Envoy.

`CONFORMANCE` names the folder of the data. Tests listed in `pending.yaml` do not pass yet; one of them that passes
fails the run, as one that is not listed does when it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.conformance.cases import TESTS, each_test, needs_data, pending, play
from tests.conformance.data import ConformanceTest
from tests.conformance.report import Outcome
from tests.conformance.site import Site
from tests.conformance.steps import unknown

pytestmark = [pytest.mark.envoy, needs_data]


@pytest.fixture(scope="module")
def site(start_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[Site]:
    """A daemon and an Envoy with the base objects, for all tests."""
    with start_site() as running:
        yield running


@each_test
def test_conformance(site: Site, outcomes: list[Outcome], test: ConformanceTest) -> None:
    """A test of the suite passes."""
    play(site, test, outcomes)


def test_every_step_is_known() -> None:
    """Also those that a test does not come to as long as it fails."""
    faults = {test.name: [fault for fault in map(unknown, test.steps) if fault] for test in TESTS}
    assert {name: found for name, found in faults.items() if found} == {}


def test_what_is_pending_is_a_test_of_the_suite() -> None:
    """A name that is written wrong would let nothing fail."""
    assert pending().keys() <= {test.name for test in TESTS}
