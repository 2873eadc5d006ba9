"""Runs the hooks of a Gateway: makes the calls that `egxds.hooks.plan.order` asks for. Awaits and logs.

A run may be cancelled at any moment, by newer input: nothing is concluded from it before its end, and what is then
(the log, the clocks, what an extension is waited for with) is in one step that waits for nothing.

What is worked out between the calls is worked out beside the event loop: a first run looks at everything that there is.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from egxds.busy_threads import BusyThreads
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
from egxds.hooks.remote.pem import SecretFinder, no_secrets
from egxds.hooks.replies.check import CallResult
from egxds.hooks.run.batch import Batch
from egxds.hooks.run.described import described
from egxds.hooks.run.extension import Extension
from egxds.hooks.run.extension_set import Extensions, ExtensionSet, start_all
from egxds.hooks.run.series import begin_series
from egxds.hooks.shared.answers import Share, unshared
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics, log

_Told = tuple[str, Hook, FailureReason, Consequence]
_Said = frozenset[_Told]
"""What the log has said about a Gateway: (manager, hook, reason, what was done) of its failures."""

_SHOWN_OBJECTS = 5
_SHOWN_SUBJECTS = 20
"""Of those that a hook fails on: for people, and an extension that is away fails on everything."""


def _nowhere(_key: ObjectKey) -> None:
    """Know of no place, where there are no files."""


def _not_yet(_extension: Extension) -> None:
    """Leave what is adopted to `watch`, which has not begun."""


class HookRunner:
    """All extensions, and the way of every Gateway through them.

    Attributes:
        extensions: those that are asked, and who is to follow them.
        threads: where what is between the calls is worked out.
    """

    def __init__(
        self,
        managers: tuple[ExtensionManager, ...],
        metrics: Metrics,
        base: Path = Path(),
        secrets: SecretFinder = no_secrets,
        locate: Callable[[ObjectKey], Location | None] = _nowhere,
        share: Share = unshared,
    ) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            managers: the extensions, in declared order.
            metrics: counts the calls.
            base: directory that relative paths of the settings start from.
            secrets: finds Secrets that the settings name.
            locate: finds where an object stands.
            share: has answers shared with other replicas.
        """
        self.threads = BusyThreads()
        self.extensions = Extensions(managers, lambda manager: Extension(manager, metrics, base, secrets, share))
        self._live: Callable[[Extension], None] = _not_yet
        self._metrics = metrics
        self._locate = locate
        self._failing = FailingHooks()
        begin_series(managers, metrics)
        self._clocks: dict[str, HoldClock] = {}
        self._clocks_changed = anyio.Event()
        self._said: dict[str, _Said] = {}
        self._failures: dict[str, tuple[HookProblem, ...]] = {}
        self._since: dict[str, dict[tuple[str, Hook, str], float]] = {}
        self._asked: Counter[str] = Counter()

    async def start(self) -> None:
        """Get ready for the first run.

        Raises:
            StartError: the settings name a file or a Python object that cannot be used.
        """
        await start_all(tuple(self.extensions.current.by_name.values()))

    def follow(self, managers: tuple[ExtensionManager, ...]) -> bool:
        """Take every Gateway through others from its next run on, where those were adopted that an input is made for.

        Which objects are an extension's is known to what made the input. Under an extension that has come or gone
        since, a route could be served without the hook that guards it. Runs that go on end as they began.

        Args:
            managers: that the input was made for, which is to be taken through the hooks from now on.

        Returns:
            Whether there are others now.
        """
        before = self.extensions.current
        if not self.extensions.follow(managers):
            return False
        now = self.extensions.current
        begin_series(now.managers, self._metrics)
        self._clocks = {name: HoldClock(now.managers, clock.failing_since) for name, clock in self._clocks.items()}
        self._clocks_changed.set()
        for extension in before.beside(now):
            extension.retire()
        for extension in now.beside(before):
            self._live(extension)
        return True

    @property
    def epochs(self) -> Mapping[str, int]:
        """Name of each extension → its connection and health, as a number: what it says holds under this one."""
        return self.extensions.current.epochs

    @property
    def awaited(self) -> tuple[str, ...]:
        """Extensions of which an answer is awaited, in declared order."""
        return tuple(name for name in self.extensions.current.by_name if self._asked[name])

    @property
    def failing(self) -> tuple[ManagerHook, ...]:
        """Hooks that fail for some Gateway, sorted."""
        return self._failing.now()

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
        what = f"hooks of {translation.gateway}"
        refused = accepted.last_run.refused.keys() if accepted is not None else ()
        with current.in_use():
            step = await self.threads.run(what, _advance, run, None)
            while isinstance(step, tuple):
                step = await self.threads.run(what, _advance, run, await self._ask_all(current, step, breaker, refused))
            # A thread is waited for also where the run has been cancelled meanwhile.
            await checkpoint_if_cancelled()
            self._end_run(step, current, breaker, began_s)
        return step

    async def watch(self, on_recovery: Callable[[], None], on_renewal: Callable[[], None]) -> None:
        """While an extension fails, look for its return, and for the end of what may be held; until cancelled.

        Args:
            on_recovery: starts `run` over for every Gateway whose last outcome was not ACCEPTED.
            on_renewal: has every Gateway ask again what was said under other `epochs`.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_holds, on_recovery, name="watch holds")

            def live(extension: Extension) -> None:
                tasks.start_soon(extension.live, on_recovery, on_renewal, name=f"extension {extension.manager.name}")

            self._live = live
            for extension in self.extensions.current.by_name.values():
                live(extension)

    def resume(self, gateway: str, failing_since: Mapping[str, float]) -> None:
        """Go on with what `failing_since` returned before a restart; before the first run for the Gateway."""
        self._clocks[gateway] = HoldClock(self.extensions.current.managers, failing_since)
        self._clocks_changed.set()

    def failing_since(self, gateway: str) -> Mapping[str, float]:
        """Return since when each extension has been failing that holds a Gateway: name → seconds since 1970."""
        return self._clock(gateway).failing_since

    def forget_replies(self, manager: str | None = None) -> None:
        """Let nothing hold that was said so far.

        Args:
            manager: by this extension; None for all.
        """
        for name, extension in self.extensions.current.by_name.items():
            if manager in (None, name):
                extension.forget_replies()

    def reload(self) -> None:
        """Have the code of all extensions loaded again that run beside us."""
        for extension in self.extensions.current.by_name.values():
            extension.reload()

    def forget(self, gateway: str) -> None:
        """Stop waiting for extensions on behalf of a Gateway that is gone."""
        self._said.pop(gateway, None)
        self._failures.pop(gateway, None)
        self._since.pop(gateway, None)
        self._clocks.pop(gateway, None)
        self._note_failing(gateway, ())
        for extension in self.extensions.current.by_name.values():
            extension.end_run(gateway, None)

    def states(self) -> tuple[HookReport, ...]:
        """Say how each hook is doing, in declared order."""
        since_s = time.time() - anyio.current_time()
        return tuple(
            self._with_failed(described(extension, hook, since_s))
            for extension in self.extensions.current.by_name.values()
            for hook in extension.counts
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self.extensions.aclose()

    def _with_failed(self, report: HookReport) -> HookReport:
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

    async def _watch_holds(self, on_expiry: Callable[[], None]) -> None:
        while True:
            self._clocks_changed = anyio.Event()
            now_s = time.time()
            expiries = ((clock.next_expiry_s(now_s), name) for name, clock in self._clocks.items())
            at_s, gateway = min(((at_s, name) for at_s, name in expiries if at_s is not None), default=(math.inf, ""))
            with anyio.move_on_after(at_s - now_s) as limit:
                await self._clocks_changed.wait()
            if limit.cancelled_caught:
                log.warning("hook.hold_expired", gateway=gateway)
                on_expiry()

    async def _ask_all(
        self,
        asked: ExtensionSet,
        calls: tuple[HookCall, ...],
        breaker: CircuitBreaker,
        refused: Collection[CallKey],
    ) -> tuple[CallResult, ...]:
        manager = calls[0].manager
        self._asked[manager] += 1
        try:
            return await Batch(asked.by_name[manager], calls, breaker, refused).ask()
        finally:
            self._asked[manager] -= 1

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
            extension.end_run(hooked.gateway, _failed_run(problems[name], breaker, extension, began_s))

    def _note_failing(self, gateway: str, failed: Iterable[ManagerHook]) -> None:
        for (manager, hook), is_failing in self._failing.run_ended(gateway, failed).items():
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
                gateway=hooked.gateway,
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
