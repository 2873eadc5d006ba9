"""How a hook of an extension is doing, as people are told. Reads no clock."""

from __future__ import annotations

from egxds.hooks.health.reports import HookReport, HookState
from egxds.hooks.run.extension import Extension
from egxds.settings.extensions import Hook


def described(extension: Extension, hook: Hook, since_s: float) -> HookReport:
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
