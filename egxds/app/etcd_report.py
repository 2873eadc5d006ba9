"""What people are told of a store that is followed: log lines, metrics, the page of status.

What is in force may not be what was published last: the store does not answer, holds what is not to be taken, or has
gone back in time. All of it is said as long as it is so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from egxds.app.source import Json
from egxds.problems import Location, Problem, error, warning
from egxds.published.followed import Followed, decoded_followed
from egxds.published.layout import Layout
from egxds.published.standing import Standing
from egxds.settings.etcd import EtcdSource
from egxds.telemetry import Metrics, log

_NAME = "etcd"
_GO_BACK = "`egxds follow-store` follows it all the same"


class EtcdReport:
    """Takes note of how things stand.

    Attributes:
        settings: where the store is.
    """

    def __init__(self, settings: EtcdSource, metrics: Metrics) -> None:
        """Know of nothing yet.

        Args:
            settings: where the store is.
            metrics: where it is counted.
        """
        self.settings = settings
        self._metrics = metrics
        self._last = Standing()
        self._in_force: Followed | None = None
        for gauge in (metrics.source_generation, metrics.source_connected, metrics.source_not_followed):
            gauge.labels(_NAME).set(0)

    def ask_for_last_word(self, heard_at_s: Callable[[], float]) -> None:
        """Have it asked when the store said something last, where somebody wants to know: it does so all the time."""
        self._metrics.source_last_word_timestamp_seconds.labels(_NAME).set_function(heard_at_s)

    def note(self, now: Standing) -> None:
        """Take how things are now, each time that they are otherwise."""
        before, self._last = self._last, now
        self._metrics.source_connected.labels(_NAME).set(now.is_connected)
        self._metrics.source_not_followed.labels(_NAME).set(bool(now.refused or now.gone_back))
        if now.fault and now.lost_at_s != before.lost_at_s:
            log.warning("source.lost", error=now.fault)
        if now.is_connected and not before.is_connected:
            log.info("source.found", cluster=f"{now.cluster_id:x}")
        if now.refused and now.refused != before.refused:
            log.error("source.refused", error=now.refused)
        if now.gone_back and now.gone_back != before.gone_back:
            log.error("source.gone_back", error=now.gone_back, advice=_GO_BACK)
        if now.candidate_fault and now.candidate_fault != before.candidate_fault:
            log.error("source.candidate_refused", error=now.candidate_fault)

    def accepted(self, origin: str) -> None:
        """Take which generation is in force."""
        now = decoded_followed(origin)
        if now == self._in_force or now is None:
            return
        self._in_force = now
        self._metrics.source_generation.labels(_NAME).set(now.number)
        record = now.record
        if record is not None:
            log.info("source.in_force", generation=record.generation, author=record.author, message=record.message)

    def awaited(self, now: Standing) -> str:
        """Say why there is nothing to serve yet."""
        return now.refused or now.fault or "etcd has not answered yet"

    def notes(self, now: Standing) -> tuple[str, ...]:
        """Say in a line each why what is in force may not be what was published last."""
        stays = f"generation {self._in_force.number} stays in force" if self._in_force else "nothing is in force"
        said = []
        if now.fault:
            said.append(f"etcd has not answered since {_at(now.lost_at_s)} ({now.fault}): {stays}")
        if now.refused:
            said.append(f"what was published last is refused: {now.refused}: {stays}")
        if now.gone_back:
            said.append(f"{now.gone_back}; {_GO_BACK}")
        if now.is_at_head and now.in_memory is not None and now.in_memory.record is None:
            said.append(f"nothing is published below {self.settings.prefix} in etcd")
        return tuple(said)

    def problems(self, now: Standing) -> tuple[Problem, ...]:
        """Return what is wrong with the store, or with what it holds."""
        layout = Layout(self.settings.prefix)
        head, candidate = Location(f"etcd:{layout.head}", 0), Location(f"etcd:{layout.candidate}", 0)
        found = []
        if now.fault:
            # Without the reason, which is another one with each try: that stands in the status beside it.
            found.append(warning(head, "etcd does not answer: what is published now does not arrive"))
        if now.refused:
            found.append(error(head, f"is refused, and the generation before stays in force: {now.refused}"))
        if now.gone_back:
            found.append(error(head, f"is not followed: {now.gone_back}; {_GO_BACK}"))
        if now.candidate_fault:
            found.append(error(candidate, f"is not served to its nodes: {now.candidate_fault}"))
        return tuple(found)

    def described(self, now: Standing) -> Json:
        """Return all of it, as the admin API shows it."""
        in_force, record = self._in_force, self._in_force.record if self._in_force else None
        published = (
            {
                "at": record.at.astimezone(UTC).isoformat(),
                "author": record.author,
                "message": record.message,
                "revision": record.revision,
                "files": record.files,
                "rolledBackTo": record.rolled_back_to,
                "digest": record.digest,
            }
            if record is not None
            else {}
        )
        return {
            "kind": _NAME,
            "prefix": self.settings.prefix,
            "endpoints": list(self.settings.endpoints),
            "generation": in_force.number if in_force else 0,
            "read": now.in_memory.number if now.in_memory else 0,
            **published,
            "cluster": f"{in_force.cluster_id:x}" if in_force else "",
            "isConnected": now.is_connected,
            "isAtHead": now.is_at_head,
            "fault": now.fault,
            "lostAt": _at(now.lost_at_s) if now.lost_at_s else "",
            "heardAt": _at(now.heard_at_s) if now.heard_at_s else "",
            "refused": now.refused,
            "goneBack": now.gone_back,
        }


def _at(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")
