"""What people are told of the files and the hooks: log lines, metrics, the page of objects. Behind Envoy's way.

A task of its own takes note of what was decided, once Envoy has been told. It costs what changed; only what is asked
for is rendered, in a thread.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import anyio
from anyio import to_thread

from egxds.app.last_good_report import LastGoodReport
from egxds.app.loads import LoadResult, Loads
from egxds.app.pipeline import Build
from egxds.app.problem_log import log_problems
from egxds.app.reload import Reloaded
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.incremental.revision import Revision
from egxds.inspect.judged import JudgedObjects
from egxds.inspect.object_counts import ACCEPTED, REFUSED, UNKNOWN_KIND, ObjectCounts
from egxds.inspect.objects import HookedGateways, ObjectFilter, ObjectsPage, ObjectView, Window
from egxds.inspect.problem_book import ProblemChanges
from egxds.inspect.refusals import RefusedResources, of_head
from egxds.problems import Problem, Severity
from egxds.telemetry import Metrics, log
from egxds.telemetry.asked_gauge import MOST_SERIES, Rows
from egxds.telemetry.metrics import begin

_CERTIFICATE_LOOK_S = 2.0
"""Between two looks at the files of the xDS port's certificates, beside those at each handshake."""

_PAUSE_S = 0.05
"""Before a change is noted: threads share one interpreter, and what is for Envoy goes first."""


class Reporting:
    """Keeps what people look at up to date.

    Attributes:
        loads: what came of looks at the files.
        outcomes: how many Gateways are published, by what is published for them.
        problem_counts: how many problems the files have, by severity.
    """

    def __init__(self, metrics: Metrics, tell_problems: Callable[[ProblemChanges], None]) -> None:
        """Know of nothing yet; `work` starts it.

        Args:
            metrics: where things are counted.
            tell_problems: is told which problems came and went.
        """
        self._metrics = metrics
        self.loads = Loads(metrics)
        self._last_good = LastGoodReport(metrics)
        self._tell_problems = tell_problems
        self._view = ObjectView()
        self._object_counts = ObjectCounts()
        self.outcomes: Counter[Outcome] = Counter()
        self.problem_counts: Mapping[Severity, int] = {}
        self._judged: JudgedObjects | None = None
        self._of_daemon: tuple[Problem, ...] = ()
        self._hooked: HookedGateways = Revision()
        self._refusals: RefusedResources = ()
        self._changed = anyio.Event()
        self._noting = anyio.Lock()
        self._not_accepted: dict[str, tuple[Outcome, float]] = {}
        begin(metrics.gateways, ((outcome.value,) for outcome in Outcome))
        begin(metrics.problems, ((severity.value,) for severity in Severity))
        metrics.gateway_not_accepted_since_timestamp_seconds.ask(self._since_when)
        metrics.certificate_expiry_timestamp_seconds.ask(self._expiries)

    @property
    def gateways(self) -> frozenset[str]:
        """The Gateways that are published."""
        return frozenset(self._hooked)

    def hooked(self, gateway: str) -> HookedGateway | None:
        """Return what the hooks made of a Gateway last; None where it is not published."""
        return self._hooked.get(gateway)

    def built(self, build: Build, asked_for: Reloaded | None = None) -> None:
        """Take what the files came to; it is noted soon.

        Args:
            build: all that they came to.
            asked_for: what else was done, where somebody asked for the look; None where nobody did.
        """
        self._judged = build.judged()
        self.loads.read(asked_for)
        self._changed.set()

    def published(self, hooked: HookedGateway) -> None:
        """Take what the hooks made of a Gateway; it is noted soon."""
        self._count_outcome(hooked.gateway, hooked)
        self._hooked = self._hooked.edited({hooked.gateway: hooked})
        self._changed.set()

    def removed(self, gateway: str) -> None:
        """Forget a Gateway that is gone."""
        self._count_outcome(gateway, None)
        self._hooked = self._hooked.edited({}, [gateway])
        self._changed.set()

    def refused(self, refusals: RefusedResources) -> None:
        """Take what Envoys refuse now; it is noted soon, but for what is not in force yet."""
        self._refusals = of_head(refusals)
        self._changed.set()

    async def look_at(self, certificates: Callable[[datetime], tuple[Problem, ...]]) -> None:
        """Note what is wrong with certificates of the daemon, also where no Envoy begins a handshake; until cancelled.

        Args:
            certificates: says what is wrong with them at a time, with its zone.
        """
        while True:
            problems = certificates(datetime.now(UTC))
            if problems != self._of_daemon:
                self._of_daemon = problems
                self._changed.set()
            await anyio.sleep(_CERTIFICATE_LOOK_S)

    def watched(self, failure: str) -> None:
        """Take why changes of files are found by the poll alone; empty where they are told."""
        self._metrics.config_watch_failing.set(bool(failure))

    async def work(self) -> None:
        """Take note of what changes; until cancelled."""
        while True:
            await self._changed.wait()
            await anyio.sleep(_PAUSE_S)
            self._changed = anyio.Event()
            try:
                async with self._noting:
                    await self._note()
            except Exception:  # noqa: BLE001 what people look at must not end the service: the report before stays
                log.exception("app.report_failed")

    async def page(self, wanted: ObjectFilter, window: Window) -> ObjectsPage:
        """Show objects as they are now.

        Args:
            wanted: which of them.
            window: which part of those.
        """
        async with self._noting:
            await self._note()
            return await to_thread.run_sync(self._view.render, wanted, window)

    async def problems(self, wanted: str, most: int) -> tuple[tuple[Problem, ...], int]:
        """Return problems as they are now, errors first, and how many there are.

        Args:
            wanted: stands in what is said of them, in any case; empty for all.
            most: how many are returned.
        """
        async with self._noting:
            await self._note()
            return await to_thread.run_sync(self._view.problems, wanted, most)

    async def _note(self) -> None:
        judged = self._judged
        if judged is None:
            return
        judged = replace(judged, daemon=self._of_daemon)
        looks = self.loads.unjudged
        changes = await to_thread.run_sync(self._view.note, judged, self._hooked, datetime.now(UTC), self._refusals)
        self.problem_counts = changes.counts
        log_problems(changes, self._metrics)
        self._tell_problems(changes)
        self._last_good.note(judged.state)
        self.loads.judged(looks, self._count(judged))

    def _count(self, judged: JudgedObjects) -> LoadResult:
        """Count what there is; return what that is for a look at the files."""
        counts = self._object_counts.update(judged.state)
        self._metrics.objects.clear()  # a kind that is gone has no series
        for kind in {UNKNOWN_KIND, *(kind for kind, _ in counts)}:
            for state in (ACCEPTED, REFUSED):
                self._metrics.objects.labels(kind=kind, state=state).set(counts.get((kind, state), 0))
        self._metrics.objects_rolled_back.set(len(judged.state.rolled_back))
        # Beside those there are remarks, such as that a directory is empty.
        unreadable = sum(problem.severity is Severity.ERROR for problem in judged.state.unreadable)
        self._metrics.config_unreadable.set(unreadable)
        if unreadable:
            return LoadResult.UNREADABLE
        return LoadResult.REFUSED if any(state == REFUSED for _, state in counts) else LoadResult.ACCEPTED

    def _since_when(self) -> Rows:
        return [((gateway, outcome.value), since_s) for gateway, (outcome, since_s) in self._not_accepted.items()]

    def _expiries(self) -> Rows:
        # Those behind the last that is shown all end later than the first of them.
        return [((f"{key.namespace}/{key.name}",), ends_s) for key, ends_s in self._view.expiries(MOST_SERIES + 1)]

    def _note_outcome(self, gateway: str, hooked: HookedGateway | None) -> None:
        known, _ = self._not_accepted.get(gateway, (Outcome.ACCEPTED, 0.0))
        outcome = hooked.outcome if hooked is not None else Outcome.ACCEPTED
        if outcome is not known:
            # Behind the others, so that the longest comes first.
            self._not_accepted.pop(gateway, None)
            if outcome is not Outcome.ACCEPTED:
                self._not_accepted[gateway] = (outcome, time.time())

    def _count_outcome(self, gateway: str, hooked: HookedGateway | None) -> None:
        self._note_outcome(gateway, hooked)
        before = self._hooked.get(gateway)
        if before is not None:
            self.outcomes[before.outcome] -= 1
        if hooked is not None:
            self.outcomes[hooked.outcome] += 1
        for outcome in Outcome:
            self._metrics.gateways.labels(outcome=outcome.value).set(self.outcomes[outcome])
