"""The tests of the suite as parameters of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.conformance.data import ConformanceTest, Suite
from tests.conformance.report import Outcome
from tests.conformance.site import Site
from tests.conformance.waiting import WrongForGoodError

FOLDER = Path(os.environ.get("CONFORMANCE", Path(__file__).parents[3] / "shared" / "conformance"))

SUITE = Suite.read(FOLDER) if FOLDER.is_dir() else None
TESTS = SUITE.tests if SUITE else ()

needs_data = pytest.mark.skipif(SUITE is None, reason=f"no data of the conformance suite in {FOLDER}")

_PENDING = Path(__file__).with_name("pending.yaml")


def pending() -> Mapping[str, str]:
    """Return the tests that do not pass yet: name → why."""
    by_reason = yaml.safe_load(_PENDING.read_text()) or {}
    return {name: reason for reason, names in by_reason.items() for name in names}


def _parameter(test: ConformanceTest, reason: str | None) -> object:
    marks = (pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason),) if reason else ()
    return pytest.param(test, id=test.name, marks=marks)


each_test = pytest.mark.parametrize("test", [_parameter(test, pending().get(test.name)) for test in TESTS])


def play(site: Site, test: ConformanceTest, outcomes: list[Outcome]) -> None:
    """Run a test, and write down what it came to.

    Raises:
        AssertionError: it does not pass.
    """
    try:
        site.run(test)
    except (AssertionError, WrongForGoodError) as err:
        outcomes.append(Outcome(test.profile, test.name, str(err)))
        raise AssertionError(str(err)) from None
    outcomes.append(Outcome(test.profile, test.name, ""))
