"""Takes Gateways through the hooks: makes the calls that `egxds.hooks.plan.order` asks for. Awaits and logs.

A run may be cancelled at any moment, by newer input: nothing is concluded from it before its end, and what is then
(the log, the clocks, what an extension is waited for with) is in one step that waits for nothing.

What is worked out between the calls is worked out beside the event loop: a first run looks at everything that there is.

Of two inputs that are served beside each other each has runs of its own: the same Gateway of both goes its own ways,
and only the extensions are common to them. These change for all at once, and with them the input that is in force; what
is beside that begins no run before it has been made for them, too:

    FIT ------- other extensions are followed ------> OUTDATED: runs that go on end as they began, and no other begins
    OUTDATED -- input that is made for those -------> FIT
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from egxds.busy_threads import BusyThreads
from egxds.cleared_frames import letting_go
from egxds.errors import FailureReason
from egxds.hooks.calls import CallKey, HookCall
from egxds.hooks.health.circuit_breaker import CircuitBreaker
from egxds.hooks.health.failing import FailingHooks, ManagerHook
from egxds.hooks.health.recovery import FailedRun
from egxds.hooks.health.reports import FailedSubject, HookReport, HookState
from egxds.hooks.plan import order as plan
from egxds.hooks.policy.hold_clock import HoldClock
from egxds.hooks.policy.outcome import Accepted, Consequence, HookedGateway, HookProblem
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.replies.check import CallResult
from egxds.hooks.run.batch import Batch
from egxds.hooks.run.extension import Extension
from egxds.hooks.run.extension_set import Extensions, ExtensionSet
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics, log

Locate = Callable[[ObjectKey], Location | None]
"""Finds where an object stands; None where that is not known."""

_Told = tuple[str, Hook, FailureReason, Consequence]
_Said = frozenset[_Told]
"""What the log has said about a Gateway: (manager, hook, reason, what was done) of its failures."""

_SHOWN_OBJECTS = 5
_SHOWN_SUBJECTS = 20
"""Of those that a hook fails on: for people, and an extension that is away fails on everything."""


class HookRuns:
    """The way of every Gateway of one input through the extensions.

    Attributes:
        extensions: those that are asked, and who is to follow them.
        threads: where what is between the calls is worked out.
        pending: name of an extension → how many answers of it are awaited.
    """

    def __init__(self, extensions: Extensions, metrics: Metrics, locate: Locate) -> None:
        """Prepare.

        Args:
            extensions: that are asked.
            metrics: counts the calls.
            locate: finds where an object stands.
        """
        self.threads = BusyThreads()
        self.extensions = extensions
        self.pending: Counter[str] = Counter()
        self._metrics = metrics
        self._locate = locate
        self._input = ""
        self._failing = FailingHooks()
        self._clocks: dict[str, HoldClock] = {}
        self._clocks_changed = anyio.Event()
        self._said: dict[str, _Said] = {}
        self._failures: dict[str, tuple[HookProblem, ...]] = {}
        self._since: dict[str, dict[tuple[str, Hook, str], float]] = {}
        self._is_outdated = False
        self._became_fit = anyio.Event()

    @property
    def epochs(self) -> Mapping[str, int]:
        """Name of each extension → its connection and health, as a number: what it says holds under this one."""
        return self.extensions.current.epochs

    @property
    def failing(self) -> tuple[ManagerHook, ...]:
        """Hooks that fail for some Gateway, sorted."""
        return self._failing.now()

    def failing_gateways(self, beside: HookRuns | None = None) -> list[str]:
        """Return the Gateways for which some hook failed in their last run, sorted.

        Args:
            beside: runs of another input; what stays refused of both is no failure of this one.
        """
        known = beside._failures if beside is not None else {}  # noqa: SLF001 of its own class
        return sorted(name for name, found in self._failures.items() if _others(found, known.get(name, ())))

    async def run(
        self,
        translation: GatewayTranslation,
        accepted: Accepted | None,
        epochs: Mapping[str, int] | None = None,
        nacks: tuple[Nack, ...] = (),
    ) -> HookedGateway:
        """Take one Gateway through its hooks; may be cancelled, and then nothing was decided.

        Args:
            translation: the Gateway before any hook.
            accepted: of the last run for this Gateway; None where there was none.
            epochs: as they were when what is to hold was said; of now where it is None, so that what was said under
                others is asked again.
            nacks: what Envoys refuse of what that run left.
        """
        began_s = anyio.current_time()
        breaker = CircuitBreaker()
        current = self.extensions.current
        # Denying as a setting of its own for this run: the plan and the policies need not know of time.
        managers = current.denying(self._clock(translation.gateway).expired(time.time()))
        run = plan.run(translation, managers, accepted, epochs or current.epochs, nacks)
        what = f"hooks of {self._called(translation.gateway)}"
        refused = accepted.last_run.refused.keys() if accepted is not None else ()
        with current.in_use():
            step = await self.threads.run(what, _advance, run, None)
            while isinstance(step, tuple):
                step = await self.threads.run(what, _advance, run, await self._ask_all(current, step, breaker, refused))
            # A thread is waited for also where the run has been cancelled meanwhile.
            await checkpoint_if_cancelled()
            self._end_run(step, current, breaker, began_s)
        return step

    def resume(self, gateway: str, failing_since: Mapping[str, float]) -> None:
        """Go on with what `failing_since` returned before a restart; before the first run for the Gateway."""
        self._clocks[gateway] = HoldClock(self.extensions.current.managers, failing_since)
        self._clocks_changed.set()

    def failing_since(self, gateway: str) -> Mapping[str, float]:
        """Return since when each extension has been failing that holds a Gateway: name → seconds since 1970."""
        return self._clock(gateway).failing_since

    def forget(self, gateway: str) -> None:
        """Stop waiting for extensions on behalf of a Gateway that is gone."""
        self._said.pop(gateway, None)
        self._failures.pop(gateway, None)
        self._since.pop(gateway, None)
        self._clocks.pop(gateway, None)
        self._note_failing(gateway, ())
        for extension in self.extensions.current.by_name.values():
            extension.end_run(self._called(gateway), None)

    def beside(self, name: str, locate: Locate) -> HookRuns:
        """Return runs of another input through the same extensions.

        Args:
            name: of that input, for people.
            locate: finds where an object of it stands.
        """
        other = HookRuns(self.extensions, self._metrics, locate)
        other.threads, other.pending, other._failing = self.threads, self.pending, self._failing
        other._input = name
        return other

    async def until_fit(self) -> None:
        """Wait for input that is made for the extensions of now, where what there is was made for others."""
        while self._is_outdated:
            await self._became_fit.wait()

    def outdate(self) -> None:
        """Take note of other extensions than those that the input was made for: by these it is not to be run.

        A route of it could be served without the hook that guards it.
        """
        self._is_outdated = True

    def go_on(self) -> None:
        """Take note of input that is made for the extensions of now."""
        self._is_outdated = False
        before, self._became_fit = self._became_fit, anyio.Event()
        before.set()

    def forget_all(self) -> None:
        """Stop waiting for extensions on behalf of all Gateways: the input has gone."""
        for gateway in tuple(self._failures):
            self.forget(gateway)

    def _called(self, gateway: str) -> str:
        """Return what a Gateway is called among those of all inputs."""
        return f"{gateway} of the {self._input}" if self._input else gateway

    def go_by(self, managers: tuple[ExtensionManager, ...]) -> None:
        """Go by other settings from the next run on: who has failed for a while has done so under them, too."""
        self._clocks = {name: HoldClock(managers, clock.failing_since) for name, clock in self._clocks.items()}
        self._clocks_changed.set()

    @letting_go
    async def watch_holds(self, on_expiry: Callable[[], None]) -> None:
        """Look for the end of what may be held; until cancelled.

        Args:
            on_expiry: starts `run` over for every Gateway whose last outcome was not ACCEPTED.
        """
        while True:
            self._clocks_changed = anyio.Event()
            now_s = time.time()
            expiries = ((clock.next_expiry_s(now_s), name) for name, clock in self._clocks.items())
            at_s, gateway = min(((at_s, name) for at_s, name in expiries if at_s is not None), default=(math.inf, ""))
            with anyio.move_on_after(at_s - now_s) as limit:
                await self._clocks_changed.wait()
            if limit.cancelled_caught:
                log.warning("hook.hold_expired", gateway=self._called(gateway))
                on_expiry()

    def with_failed(self, report: HookReport) -> HookReport:
        """Return how a hook is doing, with what it fails on."""
        found = [
            self._failed_subject(gateway, problem)
            for gateway, problems in self._failures.items()
            for problem in problems
            if (problem.manager, problem.hook) == (report.manager, report.hook)
        ]
        if not found:
            return report
        # A reply is also refused for what others say, or by an Envoy: then the call itself did not fail.
        is_failing = any(each.reason != FailureReason.REFUSED.value for each in found)
        return replace(
            report,
            state=HookState.FAILING if is_failing else HookState.REFUSING,
            last_error=report.last_error or found[-1].error,
            failed_count=len(found),
            failed=tuple(found[:_SHOWN_SUBJECTS]),
        )

    def _failed_subject(self, gateway: str, problem: HookProblem) -> FailedSubject:
        since_s = self._since[gateway].get((problem.manager, problem.hook, problem.subject), 0.0)
        objects, reason = problem.objects, problem.reason.value
        return FailedSubject(gateway, problem.subject, problem.policy, problem.message, reason, since_s, objects)

    def _tell_time(self, hooked: HookedGateway) -> None:
        clock = self._clock(hooked.gateway)
        failing_since = clock.failing_since
        clock.run_ended(hooked, time.time())
        # All Gateways' clocks are looked at then, and most runs change none.
        if clock.failing_since != failing_since:
            self._clocks_changed.set()

    def _clock(self, gateway: str) -> HoldClock:
        return self._clocks.setdefault(gateway, HoldClock(self.extensions.current.managers, {}))

    async def _ask_all(
        self,
        asked: ExtensionSet,
        calls: tuple[HookCall, ...],
        breaker: CircuitBreaker,
        refused: Collection[CallKey],
    ) -> tuple[CallResult, ...]:
        manager = calls[0].manager
        self.pending[manager] += 1
        try:
            return await Batch(asked.by_name[manager], calls, breaker, refused).ask()
        finally:
            self.pending[manager] -= 1

    def _end_run(self, hooked: HookedGateway, asked: ExtensionSet, breaker: CircuitBreaker, began_s: float) -> None:
        problems: dict[str, list[HookProblem]] = defaultdict(list)
        failures = (*hooked.late, *hooked.failures)
        for problem in failures:
            problems[problem.manager].append(problem)
        self._failures[hooked.gateway] = failures
        before, now_s = self._since.get(hooked.gateway, {}), time.time()
        subjects = ((problem.manager, problem.hook, problem.subject) for problem in failures)
        self._since[hooked.gateway] = {subject: before.get(subject, now_s) for subject in subjects}
        self._say(hooked)
        self._tell_time(hooked)
        for manager, hook, policy in {(problem.manager, problem.hook, problem.policy) for problem in failures}:
            self._metrics.hook_generations_total.labels(manager=manager, hook=hook.value, policy=policy).inc()
        for name, extension in asked.by_name.items():
            extension.end_run(self._called(hooked.gateway), _failed_run(problems[name], breaker, extension, began_s))

    def _note_failing(self, gateway: str, failed: Iterable[ManagerHook]) -> None:
        for (manager, hook), is_failing in self._failing.run_ended(self._called(gateway), failed).items():
            since_s = time.time() if is_failing else 0.0
            self._metrics.hook_failing_since_timestamp_seconds.labels(manager, hook.value).set(since_s)

    def _say(self, hooked: HookedGateway) -> None:
        """Log failures, a line for each hook, reason and policy; at debug level what the last run had said already."""
        found: dict[_Told, list[HookProblem]] = defaultdict(list)
        for problem in (*hooked.late, *hooked.failures):
            found[problem.manager, problem.hook, problem.reason, problem.policy].append(problem)
        # Who refuses on purpose is well.
        failing = {(manager, hook) for manager, hook, reason, _ in found if reason is not FailureReason.REFUSED}
        self._note_failing(hooked.gateway, failing)
        known = self._said.get(hooked.gateway, frozenset())
        for key, problems in found.items():
            first = problems[0]
            say = log.debug if key in known else log.warning
            say(
                "hook.failed",
                gateway=self._called(hooked.gateway),
                manager=first.manager,
                hook=first.hook.value,
                subject=first.subject,
                objects=[str(key) for key in first.objects[:_SHOWN_OBJECTS]],
                sources=[str(place) for key in first.objects[:_SHOWN_OBJECTS] if (place := self._locate(key))],
                failures=len(problems),
                reason=first.reason.value,
                error=first.message,
                policy=first.policy,
            )
        self._said[hooked.gateway] = frozenset(found)


def _others(found: Iterable[HookProblem], known: Iterable[HookProblem]) -> bool:
    """Tell whether there are failures but those that stay so for the same input, elsewhere, too."""
    settled = {(one.manager, one.hook, one.subject) for one in known if one.reason.is_settled}
    return any(not one.reason.is_settled or (one.manager, one.hook, one.subject) not in settled for one in found)


def _advance(run: plan.Run, results: tuple[CallResult, ...] | None) -> tuple[HookCall, ...] | HookedGateway:
    """Go on to the next batch that has calls, or to the end."""
    try:
        calls = next(run) if results is None else run.send(results)
        while not calls:
            calls = run.send(())
    except StopIteration as end:
        hooked: HookedGateway = end.value
        return hooked
    return calls


def _failed_run(
    problems: list[HookProblem], breaker: CircuitBreaker, extension: Extension, began_s: float
) -> FailedRun | None:
    """Return what of an extension failed and may work again for the same input; nothing where nothing did.

    Args:
        problems: all of its failed calls.
        breaker: of the run.
        extension: whose calls they are.
        began_s: when the run began.
    """
    problems = [problem for problem in problems if not problem.reason.is_settled]
    if not problems:
        return None
    last = problems[-1]
    is_silent = breaker.failure(last.manager) is not None
    return FailedRun(
        last_call=last.call,
        hooks=frozenset(problem.hook for problem in problems),
        count=len(problems),
        is_silent=is_silent,
        is_alone=not is_silent and extension.answers_besides([problem.call for problem in problems], began_s),
    )
