"""The hooks as the admin API shows them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from egxds.hooks.health.reports import HookReport

Json = dict[str, object]


def render_hook(report: HookReport) -> Json:
    """Render one hook of one extension."""
    return {
        "manager": report.manager,
        "hook": report.hook.value,
        "state": report.state.value,
        "onFailure": report.policy,
        "calls": report.calls,
        "failures": dict(report.failures),
        "consecutiveFailures": report.consecutive_failures,
        "lastCall": _time(report.last_call_s),
        "lastSuccess": _time(report.last_success_s),
        "lastError": report.last_error,
        "loadError": report.load_error,
        "nextRetry": _time(report.next_retry_s),
        "failedCount": report.failed_count,
        "failed": [
            {"gateway": each.gateway, "subject": each.subject, "onFailure": each.policy, "error": each.error}
            for each in report.failed
        ],
    }


def _time(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
