"""The hooks as the admin API shows them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from egxds.hooks.health.reports import HookReport
from egxds.object_key import ObjectKey
from egxds.problems import Location

Json = dict[str, object]


def render_hook(report: HookReport, locate: Callable[[ObjectKey], Location | None]) -> Json:
    """Render one hook of one extension.

    Args:
        report: how it is doing.
        locate: finds where an object stands.
    """
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
            {
                "gateway": each.gateway,
                "subject": each.subject,
                "onFailure": each.policy,
                "reason": each.reason,
                "since": _time(each.since_s),
                "error": each.error,
                "objects": [_object(key, locate(key)) for key in each.objects],
            }
            for each in report.failed
        ],
    }


def _object(key: ObjectKey, place: Location | None) -> Json:
    source = {"file": place.file, "line": place.line} if place else None
    return {"kind": key.kind, "namespace": key.namespace, "name": key.name, "source": source}


def _time(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
