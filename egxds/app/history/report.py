"""What people are told of the history of files: log lines, metrics, and that the files are not in force.

That an earlier generation is in force in their place is said for as long as it is so, wherever somebody looks.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from egxds.app.history.history_file import FILE_NAME
from egxds.app.source import Json
from egxds.app.write_behind import reason_of
from egxds.cut_text import cut
from egxds.problems import Location, Problem, warning
from egxds.published.record import Record, RecordError, decoded_record
from egxds.telemetry import Metrics, log

_NAME = "files"
_SHOWN_CHARACTERS = 200
_UNTIL = "until a file changes"


class HistoryReport:
    """Takes note of how things stand."""

    def __init__(self, directory: Path, metrics: Metrics) -> None:
        """Know of nothing yet.

        Args:
            directory: `stateDir`.
            metrics: where it is counted.
        """
        self._path = directory / FILE_NAME
        self._metrics = metrics
        self._rolled_back: Record | None = None
        self._newest: Record | None = None
        self._fault = ""
        metrics.source_generation.labels(_NAME).set(0)
        metrics.source_rolled_back.labels(_NAME).set(0)

    def accepted(self, origin: str) -> None:
        """Take what is in force: the record of a generation, or, where that is empty, what stands in the files."""
        before, self._rolled_back = self._rolled_back, _record(origin)
        now = self._rolled_back
        if now == before:
            return
        self._metrics.source_rolled_back.labels(_NAME).set(now is not None)
        if now is not None:
            self._take(now)
            log.warning(
                "source.rolled_back", generation=now.generation, to=now.rolled_back_to, author=now.author,
                message=now.message, until=_UNTIL,
            )  # fmt: skip
        elif before is not None:
            log.info("source.rollback_over", generation=before.generation, to=before.rolled_back_to)

    def kept(self, record: Record, *, is_new: bool) -> None:
        """Take the newest generation that is kept, in a thread."""
        self._take(record)
        if is_new:
            log.info("history.kept", generation=record.generation, changes=record.message)

    def _take(self, record: Record) -> None:
        self._newest = record
        self._metrics.source_generation.labels(_NAME).set(record.generation)

    def written(self, reason: str) -> None:
        """Take why nothing can be kept; empty where it can again."""
        self._fault = reason
        if reason:
            log.error("history.not_written", path=str(self._path), error=reason)
        else:
            log.info("history.written", path=str(self._path))

    def unwritten(self, count: int) -> None:
        """Count what is not written."""
        self._metrics.history_unwritten.set(count)

    def cut(self, torn_bytes: int) -> None:
        """Say that the end of what was kept is not whole, in a thread."""
        log.warning("history.cut", path=str(self._path), bytes=torn_bytes)

    def ignored(self, fault: OSError) -> None:
        """Say that what was kept cannot be used, in a thread."""
        log.error("history.ignored", path=str(self._path), error=reason_of(fault))
        self._metrics.state_files_ignored_total.inc()

    def notes(self) -> tuple[str, ...]:
        """Say in a line that the files are not in force, where that is so."""
        now = self._rolled_back
        if now is None:
            return ()
        why = f": {cut(now.message, _SHOWN_CHARACTERS)}" if now.message else ""
        said = f"the files are not in force: generation {now.rolled_back_to} is again, since {_at(now)}"
        return (f"{said}, by {now.author or 'somebody'}{why}; it holds {_UNTIL}",)

    def problems(self) -> tuple[Problem, ...]:
        """Return the same as a warning, and that nothing can be kept."""
        found = [warning(Location("sources.files", 0), note) for note in self.notes()]
        if self._fault:
            found.append(warning(Location(str(self._path), 0), f"no generation can be kept: {self._fault}"))
        return tuple(found)

    def described(self) -> Json:
        """Return which generation is in force, as the admin API shows it."""
        record, back = self._newest, self._rolled_back
        said = record.model_dump(mode="json", by_alias=True, exclude={"written_as", "buckets"}) if record else {}
        return {"kind": _NAME, "generation": 0, **said, "isRolledBack": back is not None, "fault": self._fault}


def _record(origin: str) -> Record | None:
    try:
        return decoded_record(origin.encode()) if origin else None
    except RecordError:
        return None


def _at(record: Record) -> str:
    return record.at.astimezone(UTC).isoformat(timespec="seconds")
