"""The tests of the suite as parameters of ours: those of the data, where it is there, and our own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.conformance.data import ConformanceTest, Suite
from tests.conformance.own import read_own
from tests.conformance.site import Site
from tests.conformance.waiting import WrongForGoodError

FOLDER = Path(os.environ.get("CONFORMANCE", Path(__file__).parents[3] / "shared" / "conformance"))

DATA = Suite.read(FOLDER) if FOLDER.is_dir() else None
OWN = read_own()
SUITE = OWN if DATA is None else DATA + OWN
TESTS = SUITE.tests

needs_data = pytest.mark.skipif(DATA is None, reason=f"no data of the conformance suite in {FOLDER}")

_PENDING = Path(__file__).with_name("pending.yaml")

INVENTORY = yaml.safe_load(Path(__file__).with_name("inventory.yaml").read_text())
"""All tests of the suite and all features that they may ask for, by name."""


def pending() -> Mapping[str, str]:
    """Return the tests that do not pass yet: name → why."""
    by_reason = yaml.safe_load(_PENDING.read_text()) or {}
    return {name: reason for reason, names in by_reason.items() for name in names}


def _parameter(test: ConformanceTest, reason: str | None) -> object:
    marks = (pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason),) if reason else ()
    return pytest.param(test, id=test.name, marks=marks)


NoteOutcome = Callable[[ConformanceTest, str], None]
"""Takes note of what a test came to: the first reason why it does not pass; nothing where it does."""

each_test = pytest.mark.parametrize("test", [_parameter(test, pending().get(test.name)) for test in TESTS])


def play(site: Site, test: ConformanceTest, note: NoteOutcome) -> None:
    """Run a test, and write down what it came to.

    Raises:
        AssertionError: it does not pass.
    """
    try:
        site.run(test)
    except (AssertionError, WrongForGoodError) as err:
        note(test, str(err))
        raise AssertionError(str(err)) from None
    note(test, "")
