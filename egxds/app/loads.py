"""What came of looks at the watched files: counted, dated, and said where somebody asked for one (SIGHUP).

    accepted     everything in them is in force
    refused      some documents are not in force as they stand: what was accepted before is
    unreadable   some files or directories cannot be read, or are too large
    too_large    all of it is more than there is memory for; nothing of the look counts
    failed       a defect of egxds, the same

The last that counts is a success only where it was accepted. A look at what has not changed counts, too: what was
refused is refused for as long as it stands there.
"""

from __future__ import annotations

import enum

from egxds.app.reload import Reloaded, say_reloaded
from egxds.telemetry import Metrics
from egxds.telemetry.metrics import begin


class LoadResult(enum.Enum):
    """What came of a look; the values are the `result` label of the metrics."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    FAILED = "failed"


class Loads:
    """All looks of a daemon.

    Attributes:
        last: what came of the last one; None before that is known.
    """

    def __init__(self, metrics: Metrics) -> None:
        """Begin every series with 0.

        Args:
            metrics: where they are counted.
        """
        self.last: LoadResult | None = None
        self._metrics = metrics
        self._read: list[Reloaded | None] = []
        for metric in (metrics.config_loads_total, metrics.config_last_load_timestamp_seconds):
            begin(metric, ((result.value,) for result in LoadResult))

    def read(self, asked_for: Reloaded | None) -> None:
        """Take note of a look of which it is not known yet what came of it.

        Args:
            asked_for: what else was done, where somebody asked for it; None where nobody did.
        """
        self._read.append(asked_for)

    @property
    def unjudged(self) -> int:
        """How many looks there are of which it is not known yet."""
        return len(self._read)

    def judged(self, count: int, result: LoadResult) -> None:
        """Say what came of the first looks of which it was not known.

        Args:
            count: how many there were when somebody began to find out.
            result: what came of them.
        """
        read, self._read = self._read[:count], self._read[count:]
        for asked_for in read:
            self.came_to(result, asked_for)

    def came_to(self, result: LoadResult, asked_for: Reloaded | None = None) -> None:
        """Count a look, and say what came of it where somebody asked for it."""
        self.last = result
        if asked_for is not None:
            say_reloaded(asked_for, result.value)
        self._metrics.config_loads_total.labels(result=result.value).inc()
        self._metrics.config_last_load_timestamp_seconds.labels(result=result.value).set_to_current_time()
        if result is LoadResult.ACCEPTED:
            self._metrics.config_last_success_timestamp_seconds.set_to_current_time()
