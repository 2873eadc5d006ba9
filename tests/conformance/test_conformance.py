"""The conformance suite of the Gateway API, replayed from its data against a daemon and a real Envoy.

`CONFORMANCE` names the folder of the data. Tests listed in `pending.yaml` do not pass yet; one of them that passes
fails the run, as one that is not listed does when it fails.
"""

from __future__ import annotations

import pytest

from tests.conformance.data import ConformanceTest, Suite
from tests.conformance.report import Outcome
from tests.conformance.site import Site
from tests.conformance.suite_folder import FOLDER, pending
from tests.conformance.waiting import WrongForGoodError

pytestmark = pytest.mark.envoy

SUITE = Suite.read(FOLDER) if FOLDER.is_dir() else None
TESTS = SUITE.tests if SUITE else ()

needs_data = pytest.mark.skipif(SUITE is None, reason=f"no data of the conformance suite in {FOLDER}")


def _parameter(test: ConformanceTest) -> object:
    reason = pending().get(test.name)
    marks = (pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason),) if reason else ()
    return pytest.param(test, id=test.name, marks=marks)


@needs_data
@pytest.mark.parametrize("test", [_parameter(test) for test in TESTS])
def test_conformance(site: Site, outcomes: list[Outcome], test: ConformanceTest) -> None:
    """A test of the suite passes."""
    try:
        site.run(test)
    except (AssertionError, WrongForGoodError) as err:
        outcomes.append(Outcome(test.profile, test.name, str(err)))
        raise AssertionError(str(err)) from None
    outcomes.append(Outcome(test.profile, test.name, ""))


@needs_data
def test_what_is_pending_is_a_test_of_the_suite() -> None:
    """A name that is written wrong would let nothing fail."""
    assert pending().keys() <= {test.name for test in TESTS}
