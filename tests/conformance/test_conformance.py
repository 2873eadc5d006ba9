"""The conformance suite of the Gateway API, replayed against a daemon and a real Envoy: from its data, and from `own`.

`CONFORMANCE` names the folder of the data; where there is none, the tests of `own` are all that there are. Tests listed
in `pending.yaml` do not pass yet; one of them that passes fails the run, as one that is not listed does when it fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.conformance.cases import INVENTORY, TESTS, NoteOutcome, each_test, needs_data, pending, play
from tests.conformance.data import ConformanceTest
from tests.conformance.site import Site
from tests.conformance.steps import unknown

pytestmark = pytest.mark.envoy


@pytest.fixture(scope="module")
def site(start_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[Site]:
    """A daemon and an Envoy with the base objects, for all tests."""
    with start_site() as running:
        yield running


@each_test
def test_conformance(site: Site, note: NoteOutcome, test: ConformanceTest) -> None:
    """A test of the suite passes."""
    play(site, test, note)


@needs_data
def test_every_test_of_the_suite_is_here() -> None:
    """Each once, in the data or in `own`, and every feature has at least one."""
    names = Counter(test.name for test in TESTS)
    assert names == Counter(name for group in INVENTORY["tests"].values() for name in group)
    assert {feature for test in TESTS for feature in test.features} == set(INVENTORY["features"])


def test_every_step_is_known() -> None:
    """Also those that a test does not come to as long as it fails."""
    faults = {test.name: [fault for fault in map(unknown, test.steps) if fault] for test in TESTS}
    assert {name: found for name, found in faults.items() if found} == {}


def test_what_is_pending_is_a_test_of_the_suite() -> None:
    """A name that is written wrong would let nothing fail."""
    assert pending().keys() <= {name for group in INVENTORY["tests"].values() for name in group}
