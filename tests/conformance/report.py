"""The table that a run ends with: every test by profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 60


@dataclass(frozen=True)
class Outcome:
    """What a test came to.

    Attributes:
        fault: the first reason why it does not pass; nothing where it does.
    """

    profile: str
    name: str
    fault: str


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Return the lines: first each profile with its numbers, below it its tests."""
    for profile in sorted({outcome.profile for outcome in outcomes}):
        tests = [outcome for outcome in outcomes if outcome.profile == profile]
        yield f"{profile}: {_passing(tests)}"
        for outcome in tests:
            yield f"  {'FAIL' if outcome.fault else 'pass'}  {outcome.name:<{WIDTH}} {outcome.fault}".rstrip()
    yield f"all: {_passing(outcomes)}"


def _passing(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(not outcome.fault for outcome in outcomes)} of {len(outcomes)} pass"
