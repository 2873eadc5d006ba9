"""What a scenario brings home: figures, each the spread of its samples."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Samples of one figure in one unit."""

    unit: str
    samples: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        """The 99th percentile; with fewer than a hundred samples that is the largest."""
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]

    def as_json(self) -> dict[str, object]:
        """Return it for a file."""
        ends = {"min": min(self.samples), "max": max(self.samples)}
        return {"unit": self.unit, "n": len(self.samples), "p50": self.p50, "p99": self.p99, **ends} | {
            "samples": list(self.samples)
        }


def milliseconds(seconds: Sequence[float]) -> Spread:
    """Return durations in seconds as a figure in milliseconds."""
    return Spread("ms", tuple(value * 1000 for value in seconds))


def single(value: float, unit: str) -> Spread:
    """Return a figure that was taken once."""
    return Spread(unit, (value,))


@dataclass(frozen=True)
class Row:
    """Figures of one scenario in one setting.

    Attributes:
        size: what it is measured at, such as `1000`.
        layout: how the objects lie in files; empty where that does not matter.
        figures: what was measured, by name.
        note: what numbers do not say, such as the types that were sent.
    """

    size: int
    layout: str
    figures: dict[str, Spread]
    note: str = ""
