"""Decides, while calls of an extension fail, when to try one of them again and when to start everything over. Pure.

Two things happen then. A probe repeats the call that failed last, often, and nothing else: its first success means
that the extension is back, and everything is recomputed at once. And where the extension answers but refuses more than
that one call, everything is recomputed now and then too, less and less often, because another of the refused calls may
be accepted by now.

    HEALTHY ----- a run fails --------------------------------> PROBING, every 0.25 s
    PROBING ----- a probe succeeds, or its server says SERVING -> VERIFYING: everything is recomputed, probes rest
    PROBING ----- where the extension works for all else: probes after 0.2, 0.4, ... 10 s
    PROBING ----- 0.2, 0.4, ... 10 s, where more than the probed
                  call is refused ------------------------------> PROBING, and everything is recomputed beside it
    VERIFYING --- the runs end, and one of them fails ----------> PROBING: a relapse; the next success has to wait
                                                                  0.4, 0.8, ... 10 s since this one
    any --------- no Gateway is left whose last run failed -----> HEALTHY, all counts forgotten

Why two clocks: the steady probe is what makes traffic whole within a second of the extension's return, which a pause
that doubles cannot, and one call in 0.25 s is nothing to whoever gets it. A recomputation is a burst of calls, so
those come less and less often. Of an extension that is silent a probe tells everything, and nothing is recomputed
before it succeeds. A relapse is a success that proves to be none (an extension that answers one call in ten): without
its pause every success would set off another burst.

What fails by itself, an object that a hook stumbles over, is no outage: nobody waits for the extension, and what it
spends on that call it would spend four times a second. Refusals on purpose, and replies that an Envoy does not take, do
not come here at all.

Probes rest while it is verified, because their success would cut short what the first has set off; not for ever, for a
run may hang.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from egxds.hooks.calls import HookCall
from egxds.settings.extensions import Hook

PROBE_INTERVAL_S = 0.25
"""A steady pace: how long an extension was away must not decide how soon its return is seen."""

FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 10.0

_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Probe:
    """Make this call again, and report a success."""

    call: HookCall


@dataclass(frozen=True, slots=True)
class Recompute:
    """Take every Gateway that is not published as its hooks would have it through them again."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after this time, or when something was reported.

    Attributes:
        seconds: infinite while nothing fails.
    """

    seconds: float


Step = Probe | Recompute | Wait


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What failed in one run for one Gateway.

    Attributes:
        last_call: the call that failed last.
        hooks: the hooks that failed.
        count: how many calls failed.
        is_silent: whether the extension seemed not to be there at all.
        is_alone: whether the extension works for everything else.
    """

    last_call: HookCall
    hooks: frozenset[Hook]
    count: int
    is_silent: bool
    is_alone: bool = False


def backoff_s(failures: int, jitter: float) -> float:
    """Return the seconds before the next attempt.

    Args:
        failures: attempts that failed before, 0 or more.
        jitter: a random number from 0 to 1.
    """
    base = min(FIRST_BACKOFF_S * 2.0 ** min(failures, 16), MAX_BACKOFF_S)
    return min(base * (1 - _JITTER + 2 * _JITTER * jitter), MAX_BACKOFF_S)


class Recovery:
    """The way back of one extension. Times are seconds on one monotonic clock, jitter random from 0 to 1."""

    def __init__(self) -> None:
        self._failed: dict[str, FailedRun] = {}
        self._reset()

    def _reset(self) -> None:
        self._recomputing: set[str] = set()
        self._is_back = False
        self._is_verifying = False
        self._rounds = 0
        self._tries_alone = 0
        self._jitter = 0.5
        self._relapses = 0
        self._probe_s = math.inf
        self._recompute_s = math.inf
        self._earliest_recompute_s = 0.0

    @property
    def failing(self) -> tuple[FailedRun, ...]:
        """The newest failed run of each Gateway that is waiting for the extension; the last to fail comes last."""
        return tuple(self._failed.values())

    @property
    def next_try_s(self) -> float | None:
        """When the next probe or recomputation is due; nothing where nothing fails."""
        return min(self._probe_s, self._recompute_s) if self._failed else None

    def run_ended(self, gateway: str, run: FailedRun | None, now_s: float, jitter: float) -> None:
        """Take note of how a run for a Gateway ended.

        Args:
            gateway: its name.
            run: what failed; None where nothing did, or where the Gateway is gone.
            now_s: the time.
            jitter: random.
        """
        self._jitter = jitter
        before = self._failed.get(gateway)
        if run is not None and (before is None or before.last_call.key() != run.last_call.key()):
            self._tries_alone = 0
        # Taken out and put in again, so that the last to fail is the last in order: its call is the one to probe.
        self._failed.pop(gateway, None)
        if run is not None:
            self._failed[gateway] = run
        if not self._failed:
            self._reset()
            return
        # A round ends with the last of the Gateways that it was started for, be they well again or not.
        if gateway in self._recomputing:
            self._recomputing.discard(gateway)
            if self._recomputing:
                return
            self._end_round(now_s, jitter)
        # The earlier one: a Gateway that goes on failing must not put off the probe for the others.
        self._probe_s = min(self._probe_s, now_s + self._probe_pause_s())
        if self._is_more_than_probed():
            self._recompute_s = min(self._recompute_s, now_s + backoff_s(self._rounds, jitter))

    def seems_back(self, now_s: float) -> None:
        """Take note that a call succeeded that had failed, or that the extension says itself that it serves again.

        What follows is immediate, unless a success like this one has just proved to be none.
        """
        if self._failed and not self._is_verifying:
            self._is_back = True
            self._recompute_s = max(now_s, self._earliest_recompute_s)

    def step(self, now_s: float) -> Step:
        """Say what to do now; what is said counts as done."""
        if not self._failed:
            return Wait(math.inf)
        if self._recompute_s <= now_s:
            return self._recompute(now_s)
        if self._probe_s <= now_s:
            self._is_verifying = False
            self._tries_alone += 1
            self._probe_s = now_s + self._probe_pause_s()
            return Probe(self.failing[-1].last_call)
        return Wait(min(self._probe_s, self._recompute_s) - now_s)

    def _recompute(self, now_s: float) -> Recompute:
        """Start over.

        Probes rest while a recomputation shows whether the extension is back: their success would cut it short.
        """
        self._recomputing = set(self._failed)
        self._recompute_s = math.inf
        # Only a round that a success has set off can show that the success was none.
        self._is_verifying, self._is_back = self._is_back, False
        if self._is_verifying:
            self._probe_s = now_s + MAX_BACKOFF_S
        return Recompute()

    def _probe_pause_s(self) -> float:
        is_alone = all(run.is_alone for run in self._failed.values())
        return backoff_s(self._tries_alone, self._jitter) if is_alone else PROBE_INTERVAL_S

    def _end_round(self, now_s: float, jitter: float) -> None:
        self._rounds += 1
        if self._is_verifying:
            self._is_verifying = False
            self._relapses += 1
            self._earliest_recompute_s = now_s + backoff_s(self._relapses, jitter)

    def _is_more_than_probed(self) -> bool:
        runs = self._failed.values()
        return sum(run.count for run in runs) > 1 and not all(run.is_silent for run in runs)
