"""Runs the hooks of a Gateway: makes the calls that `egxds.hooks.plan` asks for. Awaits and logs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

import anyio

from egxds.errors import FailureReason
from egxds.hooks import plan
from egxds.hooks.batch import Batch
from egxds.hooks.calls import HookCall
from egxds.hooks.edits import Judgement
from egxds.hooks.extension import Extension
from egxds.hooks.health import HookReport, HookState
from egxds.hooks.recovery import FailedRun
from egxds.hooks.result import Accepted, HookedGateway, HookProblem
from egxds.hooks.silence import Silence
from egxds.settings import ExtensionManager, Hook
from egxds.telemetry import Metrics, log
from egxds.translate.resource import GatewayTranslation

_Said = frozenset[tuple[str, Hook, FailureReason]]
"""What the log has said about a Gateway: (manager, hook, reason) of its failures."""


class HookRunner:
    """All extensions, and the way of every Gateway through them."""

    def __init__(self, managers: tuple[ExtensionManager, ...], metrics: Metrics) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            managers: the extensions, in declared order.
            metrics: counts the calls.
        """
        self._managers = managers
        self._extensions = {manager.name: Extension(manager, metrics) for manager in managers}
        self._said: dict[str, _Said] = {}

    async def run(self, translation: GatewayTranslation, accepted: Accepted | None) -> HookedGateway:
        """Take one Gateway through its hooks; may be cancelled, and then nothing was decided.

        Args:
            translation: the Gateway before any hook.
            accepted: of the last run for this Gateway; None where there was none.
        """
        silence = Silence()
        calls: dict[tuple[str, Hook, str], HookCall] = {}
        run = plan.run(translation, self._managers, accepted)
        step = _advance(run, None)
        while isinstance(step, tuple):
            calls |= {(call.manager, call.hook, call.subject): call for call in step}
            step = _advance(run, await self._ask_all(step, silence))
        self._end_run(step, calls, silence)
        return step

    async def watch(self, on_recovery: Callable[[], None]) -> None:
        """While an extension fails, look for its return; until cancelled.

        Args:
            on_recovery: starts `run` over for every Gateway whose last outcome was not ACCEPTED.
        """
        async with anyio.create_task_group() as tasks:
            for extension in self._extensions.values():
                tasks.start_soon(extension.watch, on_recovery, name=f"watch extension {extension.manager.name}")

    def forget(self, gateway: str) -> None:
        """Stop waiting for extensions on behalf of a Gateway that is gone."""
        self._said.pop(gateway, None)
        for extension in self._extensions.values():
            extension.end_run(gateway, None)

    def states(self) -> tuple[HookReport, ...]:
        """Say how each hook is doing, in declared order."""
        since_s = time.time() - anyio.current_time()
        return tuple(
            _report(extension, hook, since_s) for extension in self._extensions.values() for hook in extension.counts
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for extension in self._extensions.values():
            await extension.aclose()

    async def _ask_all(self, calls: tuple[HookCall, ...], silence: Silence) -> tuple[Judgement, ...]:
        if not calls:
            return ()
        return await Batch(self._extensions[calls[0].manager], calls, silence).ask()

    def _end_run(self, hooked: HookedGateway, calls: dict[tuple[str, Hook, str], HookCall], silence: Silence) -> None:
        problems: dict[str, list[HookProblem]] = defaultdict(list)
        for problem in hooked.failures:
            problems[problem.manager].append(problem)
        self._say(hooked)
        for name, extension in self._extensions.items():
            extension.end_run(hooked.gateway, _failed_run(problems[name], calls, silence))

    def _say(self, hooked: HookedGateway) -> None:
        """Log failures, one line for each hook and reason; at debug level what the last run had said already."""
        found: dict[tuple[str, Hook, FailureReason], list[HookProblem]] = defaultdict(list)
        for problem in hooked.failures:
            found[problem.manager, problem.hook, problem.reason].append(problem)
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
                failures=len(problems),
                reason=first.reason.value,
                error=first.message,
                policy=first.policy,
            )
        self._said[hooked.gateway] = frozenset(found)


def _advance(run: plan.Run, judgements: tuple[Judgement, ...] | None) -> tuple[HookCall, ...] | HookedGateway:
    """Go on to the next batch of calls or to the end."""
    try:
        return next(run) if judgements is None else run.send(judgements)
    except StopIteration as end:
        hooked: HookedGateway = end.value
        return hooked


def _failed_run(
    problems: list[HookProblem], calls: dict[tuple[str, Hook, str], HookCall], silence: Silence
) -> FailedRun | None:
    if not problems:
        return None
    last = problems[-1]
    return FailedRun(
        last_call=calls[last.manager, last.hook, last.subject],
        hooks=frozenset(problem.hook for problem in problems),
        count=len(problems),
        is_silent=silence.failure(last.manager) is not None,
    )


def _report(extension: Extension, hook: Hook, since_s: float) -> HookReport:
    """Describe one hook.

    Args:
        extension: whose hook it is.
        hook: which one.
        since_s: to be added to a time of the monotonic clock to get seconds since 1970.
    """
    counts = extension.counts[hook]
    is_failing = any(hook in run.hooks for run in extension.recovery.failing)
    never_or_healthy = HookState.HEALTHY if counts.calls else HookState.NEVER_CALLED

    def wall_s(at_s: float | None) -> float | None:
        return None if at_s is None else at_s + since_s

    return HookReport(
        manager=extension.manager.name,
        hook=hook,
        state=HookState.FAILING if is_failing else never_or_healthy,
        policy=extension.manager.failure_policy,
        calls=counts.calls,
        failures={reason.value: count for reason, count in counts.failures.items()},
        consecutive_failures=counts.consecutive_failures,
        last_call_s=wall_s(counts.last_call_s),
        last_success_s=wall_s(counts.last_success_s),
        last_error=counts.last_error,
        next_retry_s=wall_s(extension.recovery.next_try_s) if is_failing else None,
    )
