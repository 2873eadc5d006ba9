"""Says that something is in force which the files do not say, since they cannot be read or are not accepted.

IN STEP ---- something of a file is held ----> IN FORCE: logged, dated
IN FORCE --- another file, or fewer ---------> IN FORCE: counted
IN FORCE --- nothing is held any more -------> IN STEP: logged
"""

from __future__ import annotations

import time
from heapq import nsmallest

from egxds.model.store.state import GatewayState
from egxds.problems import Severity
from egxds.telemetry import Metrics, log

_SHOWN = 10
"""Files that a line of the log names."""


def last_good_notes(state: GatewayState) -> tuple[str, ...]:
    """Return what people are told at once while something is held, in a line; nothing where nothing is."""
    if not state.held:
        return ()
    count, first = len(state.held), min(state.held)
    others = f" and {count - 1} more files" if count > 1 else ""
    return (f"the last good state of {first}{others} is in force: {_why(state)}",)


def _why(state: GatewayState) -> str:
    """Say why in words; the first of the reasons."""
    found = next((problem for problem in state.unreadable if problem.severity is Severity.ERROR), None)
    return str(found) if found is not None else "not all that stands there is accepted; egxds status has the line"


class LastGoodReport:
    """Takes note of each state, behind the way to an Envoy."""

    def __init__(self, metrics: Metrics) -> None:
        """Start in step.

        Args:
            metrics: where it is counted.
        """
        self._metrics = metrics
        self._is_in_force = False

    def note(self, state: GatewayState) -> None:
        """Count what is held, and log where that begins or is over."""
        if bool(state.held) != self._is_in_force:
            self._is_in_force = bool(state.held)
            self._metrics.last_good_since_timestamp_seconds.set(time.time() if self._is_in_force else 0)
            self._log(state)
        self._metrics.last_good_in_force.set(len(state.held))

    def _log(self, state: GatewayState) -> None:
        if self._is_in_force:
            files = nsmallest(_SHOWN, state.held)
            log.warning("files.last_good_in_force", files=files, more=len(state.held) - len(files), error=_why(state))
        else:
            log.info("files.last_good_over")
