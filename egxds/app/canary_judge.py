"""Has a candidate promoted, or taken back: looks each second, and acts where this replica decides so (`fleet.canary`).

    NONE ------- a candidate is put ----------------> ON TRIAL, and Envoys are asked for their 5xx
    ON TRIAL --- it is put again -------------------> ON TRIAL, and nothing known of it
    ON TRIAL --- it is decided ---------------------> written; where it cannot be, said, and again after a pause, which
                                                     is only for the same: what is decided otherwise is done at once
    ON TRIAL --- it is taken back, or in force -----> NONE

What an Envoy has refused is known from the moment in which it did so, and is so though it has gone at the next look.
What cannot be written changes nothing here: the candidate is served as it was, to whom it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from egxds.app.canary_facts import CanaryParts, CandidateFacts
from egxds.app.canary_report import CanaryReport, described
from egxds.app.request_looks import RequestLooks
from egxds.app.source import Json
from egxds.cut_text import cut
from egxds.etcd.errors import EtcdError, PermissionDeniedError
from egxds.fleet.canary import Decision, Sight, Trial, Verdict, Watched, decide
from egxds.fleet.canary_requests import FailedShare
from egxds.fleet.envoys import EnvoyRow, Stand
from egxds.fleet.record import CanaryStand, ReplicaRecord, fault_text
from egxds.inspect.refusals import RefusedResources
from egxds.problems import Location, Problem, warning
from egxds.settings.envoys import EnvoySettings
from egxds.shown_text import shown
from egxds.telemetry import Metrics

REQUESTS_EVERY_S = 5.0
"""Between two looks at what Envoys count."""

_PAUSE_S = 2.0
_NOT_ALLOWED_PAUSE_S = 30.0
"""Until somebody may have given the user what it lacks."""

_MOST_WHY_CHARACTERS = 300
_UNSEEN = Decision(Verdict.WAIT, "nobody has looked at it yet")


@dataclass(slots=True)
class _Case:
    """What is known of one candidate."""

    put_at: int
    share: FailedShare
    watched: Watched = field(default_factory=Watched)
    decision: Decision = _UNSEEN
    others: Sequence[ReplicaRecord] = ()
    refused: set[str] = field(default_factory=set)
    refusal: str = ""
    fault: str = ""
    is_over: bool = False

    @property
    def against(self) -> str:
        """What speaks against it here."""
        return self.refusal or self.share.risen


def _begun(facts: CandidateFacts) -> _Case:
    return _Case(facts.put_at, FailedShare(facts.nodes, was_there=facts.was_there))


class CanaryJudge:
    """Judges the candidate that there is."""

    def __init__(self, parts: CanaryParts, envoys: Sequence[EnvoySettings], metrics: Metrics) -> None:
        """Know of none.

        Args:
            parts: whom it asks, and who acts for it.
            envoys: those that are asked for their 5xx.
            metrics: where it is counted.
        """
        self._parts = parts
        self._requests = RequestLooks(envoys)
        self._report = CanaryReport(metrics)
        self._case: _Case | None = None
        self._changed = anyio.Event()
        self._due = anyio.Event()

    def follow(self, envoys: Sequence[EnvoySettings]) -> None:
        """Ask these Envoys from now on."""
        self._requests.follow(envoys)

    def look(self, now_s: float, others: Sequence[ReplicaRecord], fault: str) -> None:
        """Decide; called once a second.

        Args:
            now_s: monotonic seconds.
            others: the records of all other replicas.
            fault: why these may be old; empty where they are not.
        """
        facts, case = self._on_trial()
        if facts is None or case is None:
            self._report.note(self._parts.candidate(), None)
            return
        rows = self._rows(facts)
        own = self._stand_of(facts, case, rows)
        trial = Trial(facts.put_at, facts.generation, facts.promote_after_s)
        sight = Sight(own, others, fault, case.against)
        case.others = others
        case.watched, case.decision = decide(case.watched, trial, sight, now_s)
        pending = sum(row.stand is not Stand.IN_SYNC and row.id not in case.refused for row in rows)
        self._report.note(facts, own, pending)
        if case.decision.verdict is Verdict.WAIT:
            case.fault = ""
        elif not case.is_over:
            self._due.set()

    def refused(self, refusals: RefusedResources) -> None:
        """Take what Envoys refuse now."""
        facts, case = self._on_trial()
        if facts is None or case is None:
            return
        self._note_refusals(facts, case, refusals)
        if case.refusal and not case.is_over:
            # The records of others decide nothing about this: nobody waits for the next look.
            case.decision = Decision(Verdict.TAKE_BACK, case.refusal)
            self._due.set()

    def stand(self) -> CanaryStand | None:
        """Return how far the candidate has come here; None where there is none."""
        facts, case = self._on_trial()
        return self._stand_of(facts, case, self._rows(facts)) if facts is not None and case is not None else None

    def described(self) -> Json | None:
        """Return the candidate as the admin API shows it; None where there is none."""
        facts, case = self._on_trial()
        if facts is None or case is None:
            there = self._parts.candidate()
            return described(there, ()) if there is not None else None
        stands = [self._stand_of(facts, case, self._rows(facts))]
        stands += [
            each.canary
            for each in case.others
            if each.takes_envoys and each.canary is not None and each.canary.put_at == facts.put_at
        ]
        left_s, why = case.decision.left_s, case.fault or case.decision.reason
        return {
            **described(facts, stands),
            "waitsFor": why,
            "promoteInS": None if left_s is None else math.ceil(left_s),
            "requests": case.share.told,
        }

    def problems(self, place: Location) -> tuple[Problem, ...]:
        """Return what is wrong with the candidate.

        Args:
            place: where it stands.
        """
        facts = self._parts.candidate()
        back = facts.taken_back if facts is not None else None
        if facts is None or back is None:
            return ()
        return (
            warning(
                place,
                f"generation {facts.generation}, published for some nodes first, was taken back by {shown(back.by)}: "
                f"{shown(back.why)}; what was in force before is so for all, until something is published",
            ),
        )

    async def work(self) -> None:
        """Act on what is decided, and ask Envoys; until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._act, name="act on the candidate")
            tasks.start_soon(self._ask, name="ask for 5xx")

    def _on_trial(self) -> tuple[CandidateFacts | None, _Case | None]:
        """Return the candidate that is on trial, and what is known of it."""
        facts = self._parts.candidate()
        facts = None if facts is not None and facts.taken_back is not None else facts
        put_at = self._case.put_at if self._case is not None else 0
        if put_at != (facts.put_at if facts is not None else 0):
            self._case = _begun(facts) if facts is not None else None
            self._changed.set()
        if facts is not None and self._case is not None:
            self._note_refusals(facts, self._case, self._parts.refusals())
        return facts, self._case

    def _note_refusals(self, facts: CandidateFacts, case: _Case, refusals: RefusedResources) -> None:
        for one in refusals:
            if one.node_id in facts.nodes and self._parts.is_of_candidate(one):
                case.refused.add(one.node_id)
                case.refusal = case.refusal or cut(shown(self._parts.told(one)), _MOST_WHY_CHARACTERS)

    def _rows(self, facts: CandidateFacts) -> tuple[EnvoyRow, ...]:
        return tuple(self._parts.uptakes(facts.nodes))

    def _stand_of(self, facts: CandidateFacts, case: _Case, rows: Sequence[EnvoyRow]) -> CanaryStand:
        # Before it is served here, what they have taken is what was there before.
        taken = sum(row.stand is Stand.IN_SYNC for row in rows) if facts.is_settled else 0
        return CanaryStand(
            put_at=facts.put_at,
            generation=facts.generation,
            is_settled=facts.is_settled,
            served=facts.served,
            connected=len(rows),
            taken=taken,
            resumed=self._parts.resumed(facts.nodes),
            refused=len(case.refused),
            fault=fault_text(case.against or facts.fault),
        )

    async def _act(self) -> None:
        while True:
            await self._due.wait()
            self._due = anyio.Event()
            facts, case = self._on_trial()
            if facts is None or case is None or case.is_over or case.decision.verdict is Verdict.WAIT:
                continue
            if case.against:
                # Envoys may have counted it since the look: nothing is promoted that something speaks against.
                case.decision = Decision(Verdict.TAKE_BACK, case.against)
            decision = case.decision
            try:
                case.is_over = await self._carry_out(decision, facts)
                pause_s = _PAUSE_S
            except EtcdError as err:
                case.fault = self._report.not_done(decision, facts, err)
                pause_s = _NOT_ALLOWED_PAUSE_S if isinstance(err, PermissionDeniedError) else _PAUSE_S
            if not case.is_over:
                await self._rest(case, decision, pause_s)

    async def _carry_out(self, decision: Decision, facts: CandidateFacts) -> bool:
        """Write what was decided; tell whether this replica did it."""
        if decision.verdict is Verdict.PROMOTE:
            done = await self._parts.promote(facts.put_at)
        else:
            done = await self._parts.take_back(facts.put_at, decision.reason)
        if done:
            self._report.done(decision, facts)
        return done

    async def _rest(self, case: _Case, tried: Decision, seconds: float) -> None:
        """Wait before the same is tried again, at most until something else is to be done."""
        with anyio.move_on_after(seconds):
            while self._case is case and case.decision.verdict in (tried.verdict, Verdict.WAIT):
                self._due = anyio.Event()
                await self._due.wait()
        self._due.set()

    async def _ask(self) -> None:
        while True:
            self._changed = anyio.Event()
            case = self._case
            if case is None:
                await self._changed.wait()
                continue
            facts = self._parts.candidate()
            # What is counted while it comes to be served counts for what was before.
            is_served = facts is not None and facts.put_at == case.put_at and facts.is_settled
            case.share.look(await self._requests.look(), is_served=is_served)
            with anyio.move_on_after(REQUESTS_EVERY_S):
                await self._changed.wait()
