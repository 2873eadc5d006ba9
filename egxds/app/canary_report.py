"""What people are told of a candidate: log lines, metrics, what `egxds status` shows.

Each is said once: what is decided again every second, since it cannot be written, is no news.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from egxds.app.canary_facts import CandidateFacts
from egxds.etcd.errors import EtcdError, PermissionDeniedError
from egxds.fleet.canary import Decision, Verdict
from egxds.fleet.record import CanaryStand
from egxds.telemetry import Metrics, log
from egxds.telemetry.metrics import begin

_SHOWN = 10
"""Nodes that a line of the log names."""

_ACTS = {
    Verdict.PROMOTE: ("promoted", "`egxds promote`"),
    Verdict.TAKE_BACK: ("taken back", "`egxds rollback --candidate`"),
}
"""What is done, and how somebody does it."""


class CanaryReport:
    """Takes note of how a candidate is doing."""

    def __init__(self, metrics: Metrics) -> None:
        """Know of none.

        Args:
            metrics: where it is counted.
        """
        self._generation, self._nodes = metrics.canary_generation, metrics.canary_nodes
        self._taken_back = metrics.canary_taken_back
        self._said: set[tuple[object, ...]] = set()
        self._said_of = 0
        begin(self._nodes, (("taken",), ("pending",), ("refused",)))

    def note(self, facts: CandidateFacts | None, own: CanaryStand | None, pending: int = 0) -> None:
        """Take how things are.

        Args:
            facts: what stands in the store; None for nothing.
            own: how far it has come here; None where it is not on trial.
            pending: canary nodes here that have not taken all, and have refused nothing.
        """
        self._generation.set(facts.generation if facts is not None and own is not None else 0)
        self._taken_back.set(facts is not None and facts.taken_back is not None)
        counts = (own.taken, pending, own.refused) if own is not None else (0, 0, 0)
        for state, count in zip(("taken", "pending", "refused"), counts, strict=True):
            self._nodes.labels(state).set(count)
        if facts is not None and own is not None and own.is_settled and self._is_news(facts.put_at, "served"):
            nodes = sorted(facts.nodes)
            log.info("canary.served", generation=facts.generation, nodes=nodes[:_SHOWN], more=len(nodes[_SHOWN:]))

    def done(self, decision: Decision, facts: CandidateFacts) -> None:
        """Take that what was decided was written.

        Args:
            decision: what.
            facts: the candidate.
        """
        if decision.verdict is Verdict.PROMOTE:
            log.info("canary.promoted", generation=facts.generation)
        else:
            log.warning("canary.taken_back", generation=facts.generation, error=decision.reason)

    def not_done(self, decision: Decision, facts: CandidateFacts, err: EtcdError) -> str:
        """Take that what was decided could not be written; return what is waited for, for people.

        Args:
            decision: what.
            facts: the candidate.
            err: why.
        """
        wanted = decision.verdict
        act, command = _ACTS[wanted]
        due = f"it is to be {act}{f' ({decision.reason})' if decision.reason else ''}"
        if not isinstance(err, PermissionDeniedError):
            if self._is_news(facts.put_at, wanted):
                log.warning("canary.not_written", generation=facts.generation, wanted=wanted.value, error=str(err))
            return f"{due}, which cannot be written: {err}"
        if self._is_news(facts.put_at, wanted, "not allowed"):
            log.error("canary.not_allowed", generation=facts.generation, wanted=wanted.value, error=str(err))
        return f"{due}, which the user of this replica may not do: {command} by somebody who may ({err})"

    def _is_news(self, put_at: int, *said: object) -> bool:
        if put_at != self._said_of:
            self._said, self._said_of = set(), put_at
        is_news = said not in self._said
        self._said.add(said)
        return is_news


def described(facts: CandidateFacts, stands: Iterable[CanaryStand]) -> dict[str, Any]:
    """Return a candidate as the admin API shows it.

    Args:
        facts: what stands in the store.
        stands: how far it has come at each replica.
    """
    known, back = tuple(stands), facts.taken_back
    at = back.at.astimezone(UTC).isoformat(timespec="seconds") if back is not None else ""
    return {
        "generation": facts.generation,
        "publishedBy": facts.published_by,
        "promoteAfterS": facts.promote_after_s,
        "nodes": {
            "named": len(facts.nodes),
            "connected": sum(each.connected for each in known),
            "taken": sum(each.taken for each in known),
            "refused": sum(each.refused for each in known),
        },
        "waitsFor": "",
        "promoteInS": None,
        "requests": "",
        "takenBack": {"why": back.why, "at": at, "by": back.by} if back is not None else None,
    }
