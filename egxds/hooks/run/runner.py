"""Runs the hooks of a Gateway: makes the calls that `egxds.hooks.plan.order` asks for. Awaits and logs.

A run may be cancelled at any moment, by newer input: nothing is concluded from it before its end, and what is then
(the log, the clocks, what an extension is waited for with) is in one step that waits for nothing.

What is worked out between the calls is worked out beside the event loop: a first run looks at everything that there is.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint_if_cancelled

from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall
from egxds.hooks.health.circuit_breaker import CircuitBreaker
from egxds.hooks.health.failing import FailingHooks, ManagerHook
from egxds.hooks.health.recovery import FailedRun
from egxds.hooks.health.reports import FailedSubject, HookReport, HookState
from egxds.hooks.plan import order as plan
from egxds.hooks.policy.hold_clock import HoldClock
from egxds.hooks.policy.outcome import Accepted, HookedGateway, HookProblem
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.remote.pem import SecretFinder, no_secrets
from egxds.hooks.replies.check import CallResult
from egxds.hooks.run.batch import Batch
from egxds.hooks.run.extension import Extension
from egxds.hooks.run.series import begin_series
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics, log

_Said = frozenset[tuple[str, Hook, FailureReason]]
"""What the log has said about a Gateway: (manager, hook, reason) of its failures."""

_SHOWN_OBJECTS = 5
_SHOWN_SUBJECTS = 20
"""Of those that a hook fails on: for people, and an extension that is away fails on everything."""


def _nowhere(_key: ObjectKey) -> None:
    """Know of no place, where there are no files."""


class HookRunner:
    """All extensions, and the way of every Gateway through them."""

    def __init__(
        self,
        managers: tuple[ExtensionManager, ...],
        metrics: Metrics,
        base: Path = Path(),
        secrets: SecretFinder = no_secrets,
        locate: Callable[[ObjectKey], Location | None] = _nowhere,
    ) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            managers: the extensions, in declared order.
            metrics: counts the calls.
            base: directory that relative paths of the settings start from.
            secrets: finds Secrets that the settings name.
            locate: finds where an object stands.
        """
        self._managers = managers
        self._extensions = {manager.name: Extension(manager, metrics, base, secrets) for manager in managers}
        self._denying = {manager.name: _denying(manager) for manager in managers}
        self._metrics = metrics
        self._locate = locate
        self._failing = FailingHooks()
        begin_series(managers, metrics)
        self._clocks: dict[str, HoldClock] = {}
        self._clocks_changed = anyio.Event()
        self._said: dict[str, _Said] = {}
        self._failures: dict[str, tuple[HookProblem, ...]] = {}
        self._since: dict[str, dict[tuple[str, Hook, str], float]] = {}

    async def start(self) -> None:
        """Get ready for the first run.

        Raises:
            StartError: the settings name a file or a Python object that cannot be used.
        """
        for extension in self._extensions.values():
            await extension.start()

    @property
    def epochs(self) -> Mapping[str, int]:
        """Name of each extension → its connection and health, as a number: what it says holds under this one."""
        return {name: extension.epoch for name, extension in self._extensions.items()}

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
        run = plan.run(translation, self._managers_for(translation.gateway), accepted, epochs or self.epochs, nacks)
        step = await to_thread.run_sync(_advance, run, None)
        while isinstance(step, tuple):
            step = await to_thread.run_sync(_advance, run, await self._ask_all(step, breaker))
        # A thread is waited for also where the run has been cancelled meanwhile.
        await checkpoint_if_cancelled()
        self._end_run(step, breaker, began_s)
        return step

    async def watch(self, on_recovery: Callable[[], None], on_renewal: Callable[[], None]) -> None:
        """While an extension fails, look for its return, and for the end of what may be held; until cancelled.

        Args:
            on_recovery: starts `run` over for every Gateway whose last outcome was not ACCEPTED.
            on_renewal: has every Gateway ask again what was said under other `epochs`.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_holds, on_recovery, name="watch holds")
            for extension in self._extensions.values():
                tasks.start_soon(
                    extension.watch, on_recovery, on_renewal, name=f"watch extension {extension.manager.name}"
                )

    def resume(self, gateway: str, failing_since: Mapping[str, float]) -> None:
        """Go on with what `failing_since` returned before a restart; before the first run for the Gateway."""
        self._clocks[gateway] = HoldClock(self._managers, failing_since)
        self._clocks_changed.set()

    def failing_since(self, gateway: str) -> Mapping[str, float]:
        """Return since when each extension has been failing that holds a Gateway: name → seconds since 1970."""
        return self._clock(gateway).failing_since

    def forget_replies(self, manager: str | None = None) -> None:
        """Let nothing hold that was said so far.

        Args:
            manager: by this extension; None for all.
        """
        for name, extension in self._extensions.items():
            if manager in (None, name):
                extension.forget_replies()

    def reload(self) -> None:
        """Have the code of all extensions loaded again that run beside us."""
        for extension in self._extensions.values():
            extension.reload()

    def forget(self, gateway: str) -> None:
        """Stop waiting for extensions on behalf of a Gateway that is gone."""
        self._said.pop(gateway, None)
        self._failures.pop(gateway, None)
        self._since.pop(gateway, None)
        self._clocks.pop(gateway, None)
        self._note_failing(gateway, ())
        for extension in self._extensions.values():
            extension.end_run(gateway, None)

    def states(self) -> tuple[HookReport, ...]:
        """Say how each hook is doing, in declared order."""
        since_s = time.time() - anyio.current_time()
        return tuple(
            self._with_failed(_report(extension, hook, since_s))
            for extension in self._extensions.values()
            for hook in extension.counts
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for extension in self._extensions.values():
            await extension.aclose()

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
        return self._clocks.setdefault(gateway, HoldClock(self._managers, {}))

    def _managers_for(self, gateway: str) -> tuple[ExtensionManager, ...]:
        """Return the extensions; those that have held the Gateway for too long deny from now on."""
        expired = self._clock(gateway).expired(time.time())
        # Denying as a setting of its own for this run: the plan and the policies need not know of time.
        return tuple(self._denying[one.name] if one.name in expired else one for one in self._managers)

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

    async def _ask_all(self, calls: tuple[HookCall, ...], breaker: CircuitBreaker) -> tuple[CallResult, ...]:
        return await Batch(self._extensions[calls[0].manager], calls, breaker).ask()

    def _end_run(self, hooked: HookedGateway, breaker: CircuitBreaker, began_s: float) -> None:
        problems: dict[str, list[HookProblem]] = defaultdict(list)
        for problem in hooked.failures:
            problems[problem.manager].append(problem)
        self._failures[hooked.gateway] = hooked.failures
        before, now_s = self._since.get(hooked.gateway, {}), time.time()
        subjects = ((problem.manager, problem.hook, problem.subject) for problem in hooked.failures)
        self._since[hooked.gateway] = {subject: before.get(subject, now_s) for subject in subjects}
        self._say(hooked)
        self._tell_time(hooked)
        for manager, hook, policy in {(problem.manager, problem.hook, problem.policy) for problem in hooked.failures}:
            self._metrics.hook_generations_total.labels(manager=manager, hook=hook.value, policy=policy).inc()
        for name, extension in self._extensions.items():
            extension.end_run(hooked.gateway, _failed_run(problems[name], breaker, extension, began_s))

    def _note_failing(self, gateway: str, failed: Iterable[ManagerHook]) -> None:
        for (manager, hook), is_failing in self._failing.run_ended(gateway, failed).items():
            since_s = time.time() if is_failing else 0.0
            self._metrics.hook_failing_since_timestamp_seconds.labels(manager, hook.value).set(since_s)

    def _say(self, hooked: HookedGateway) -> None:
        """Log failures, one line for each hook and reason; at debug level what the last run had said already."""
        found: dict[tuple[str, Hook, FailureReason], list[HookProblem]] = defaultdict(list)
        for problem in hooked.failures:
            found[problem.manager, problem.hook, problem.reason].append(problem)
        # Who refuses on purpose is well.
        failing = {(manager, hook) for manager, hook, reason in found if reason is not FailureReason.REFUSED}
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


def _denying(manager: ExtensionManager) -> ExtensionManager:
    return manager.model_copy(update={"on_failure": "deny"})


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


def _report(extension: Extension, hook: Hook, since_s: float) -> HookReport:
    """Describe one hook.

    Args:
        extension: whose hook it is.
        hook: which one.
        since_s: to be added to a time of the monotonic clock to get seconds since 1970.
    """
    counts = extension.counts[hook]
    state = _state(extension, hook)

    def wall_s(at_s: float | None) -> float | None:
        return None if at_s is None else at_s + since_s

    return HookReport(
        manager=extension.manager.name,
        hook=hook,
        state=state,
        policy=extension.manager.failure_policy,
        calls=counts.calls,
        failures={reason.value: count for reason, count in counts.failures.items()},
        consecutive_failures=counts.consecutive_failures,
        last_call_s=wall_s(counts.last_call_s),
        last_success_s=wall_s(counts.last_success_s),
        last_error=counts.last_error,
        next_retry_s=wall_s(extension.recovery.next_try_s) if state is HookState.FAILING else None,
        load_error=extension.fault,
    )


def _state(extension: Extension, hook: Hook) -> HookState:
    if any(hook in run.hooks for run in extension.recovery.failing):
        return HookState.FAILING
    if extension.says_not_serving:
        return HookState.NOT_SERVING
    return HookState.HEALTHY if extension.counts[hook].calls else HookState.NEVER_CALLED
