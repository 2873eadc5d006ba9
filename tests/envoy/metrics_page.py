"""What /metrics of a daemon says, read as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.envoy.daemon import Daemon
from tests.envoy.waiting import wait_for


class MetricsPage:
    """The metrics of a daemon, scraped anew each time."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def text(self) -> str:
        """Return the page."""
        answer = self._daemon.admin("/metrics")
        assert answer.status == 200
        return answer.text

    def families(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from text_string_to_metric_families(self.text())

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the series of a metric: values of the labels, in the order of the labels' names → value."""
        samples = [sample for family in self.families() for sample in family.samples if sample.name == name]
        return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in samples}

    def value(self, name: str, *labels: str) -> float | None:
        """Return the value of one series; None where there is no such series."""
        return self.series(name).get(labels)

    def wait(self, name: str, *labels: str, value: float | None) -> None:
        """Wait until a series has a value, or, with None, is not there."""
        wait_for(lambda: self.value(name, *labels) == value, f"{name} {labels} to be {value}")

    def wait_over(self, name: str, *labels: str, least: float) -> float:
        """Wait until a series is over a value, and return what it is."""

        def over() -> bool:
            return (self.value(name, *labels) or 0.0) > least

        wait_for(over, f"{name} {labels} to be over {least}")
        return self.value(name, *labels) or 0.0
