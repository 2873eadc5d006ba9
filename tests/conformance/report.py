"""The tables that a run ends with: every test by profile, and every feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.data import ConformanceTest

WIDTH = 60

LEFT_OUT = {
    "GatewayInfrastructure": "there is no Service, Pod or ServiceAccount that a cluster would make; its labels and "
    "annotations are looked for in the bootstrap instead",
}
"""Tests that are replayed in part alone, and do not count as passing → what of them is left out, and why."""


@dataclass(frozen=True)
class Outcome:
    """What a test came to.

    Attributes:
        fault: the first reason why it does not pass; nothing where it does.
    """

    test: ConformanceTest
    fault: str


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Return the lines: each profile with its numbers and tests, then all features, then the sum."""
    for profile in sorted({outcome.test.profile for outcome in outcomes}):
        of_profile = [outcome for outcome in outcomes if outcome.test.profile == profile]
        yield f"{profile}: {_passing(of_profile)}"
        yield from map(_line, of_profile)
    yield "features:"
    for feature in dict.fromkeys(feature for outcome in outcomes for feature in outcome.test.features):
        needing = [outcome for outcome in outcomes if feature in outcome.test.features]
        yield f"  {feature:<{WIDTH}} {_passing(needing)}"
    yield from _sum(outcomes)


def _line(outcome: Outcome) -> str:
    name, fault = outcome.test.name, outcome.fault
    word = "FAIL" if fault else "part" if name in LEFT_OUT else "pass"
    return f"  {word}  {name:<{WIDTH}} {fault}".rstrip()


def _sum(outcomes: Sequence[Outcome]) -> Iterator[str]:
    released = [outcome for outcome in outcomes if outcome.test.released]
    later = [outcome for outcome in outcomes if not outcome.test.released]
    for version, counted in (("in v1.6.1", released), ("added since", later)):
        whole = [outcome for outcome in counted if outcome.test.name not in LEFT_OUT]
        yield f"tests {version}: {_passing(whole, len(counted))}"
    yield from (f"left out: {name}: {why}" for name, why in LEFT_OUT.items() if name in {o.test.name for o in outcomes})


def _passing(outcomes: Sequence[Outcome], of: int | None = None) -> str:
    return f"{sum(not outcome.fault for outcome in outcomes)} of {len(outcomes) if of is None else of} pass"
