"""Gauges whose series are those that somebody knows at the moment of a scrape.

Of Envoys, Gateways and certificates there are as many as the user has, and strangers may connect as Envoys of any
name. So a gauge of those shows `MOST_SERIES` of them and takes the rest together under the label `other`; who knows
them says which are the first, and keeps them in an order, or counted, so that a scrape looks at no object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from egxds.cut_text import cut_identity

MOST_SERIES = 50
"""Things of one kind with a series of their own."""

OTHER = "other"
"""Label of all that have none."""

_LABEL_CHARACTERS = 200

Rows = Iterable[tuple[tuple[str, ...], float]]
"""Values of the labels, and of the gauge; those that matter most come first."""


def _no_rows() -> Rows:
    return ()


class AskedGauge(Collector):
    """A gauge that asks for its series when it is scraped.

    Attributes:
        labels: names of its labels.
    """

    def __init__(
        self,
        name: str,
        purpose: str,
        labels: tuple[str, ...],
        registry: CollectorRegistry,
        rest: Callable[[float, float], float],
    ) -> None:
        """Register it; it shows nothing until `ask` says whom to ask.

        Args:
            name: of the metric.
            purpose: what it says.
            labels: names of its labels; the first tells the things apart of which there may be many.
            registry: where it is scraped.
            rest: makes one value of two, for what has no series of its own.
        """
        self.labels = labels
        self._name = name
        self._purpose = purpose
        self._rest = rest
        self._rows: Callable[[], Rows] = _no_rows
        registry.register(self)

    def ask(self, rows: Callable[[], Rows]) -> None:
        """Say who knows the series.

        Args:
            rows: returns them as they are now, and does so at once.
        """
        self._rows = rows

    def describe(self) -> Iterator[Metric]:
        """Say what it is, without asking anybody."""
        yield GaugeMetricFamily(self._name, self._purpose, labels=self.labels)

    def collect(self) -> Iterator[Metric]:
        """Say what there is now."""
        family = GaugeMetricFamily(self._name, self._purpose, labels=self.labels)
        for labels, value in self._bounded().items():
            family.add_metric(labels, value)
        yield family

    def _bounded(self) -> dict[tuple[str, ...], float]:
        shown: set[str] = set()
        series: dict[tuple[str, ...], float] = {}
        for (thing, *more), value in self._rows():
            label = cut_identity(thing, _LABEL_CHARACTERS)
            if label not in shown and len(shown) >= MOST_SERIES:
                label = OTHER
            else:
                shown.add(label)
            key = (label, *more)
            series[key] = self._rest(series[key], value) if key in series else value
        return series
