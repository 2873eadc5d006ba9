"""Counts what hooks answer, for people and dashboards. Pure.

A hook that is set up and never called is as worth seeing as one that fails: nobody notices it otherwise.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.errors import FailureReason
from egxds.hooks.calls import HookFailure
from egxds.object_key import ObjectKey
from egxds.settings.extensions import Hook


class HookState(enum.Enum):
    """How one hook of one extension is doing.

    FAILING: what it was last needed for failed, or an Envoy does not take what came of it. REFUSING: it works, and
    refuses some objects on purpose. NOT_SERVING: nothing has failed, but its server says that it does not serve.
    NEVER_CALLED: nothing has needed it so far.
    """

    HEALTHY = "healthy"
    FAILING = "failing"
    REFUSING = "refusing"
    NOT_SERVING = "not serving"
    NEVER_CALLED = "never called"


@dataclass(slots=True)
class HookCounts:
    """What has come of the calls of one hook of one extension. Times are seconds on one monotonic clock.

    Attributes:
        calls: calls that were made and have ended, probes included; replies from memory are none.
        failures: failed calls by reason.
        consecutive_failures: failed calls since the last success.
        last_call_s: when the last call ended.
        last_success_s: when the last call ended that succeeded.
        last_error: what went wrong in the last call that failed.
    """

    calls: int = 0
    failures: Counter[FailureReason] = field(default_factory=Counter)
    consecutive_failures: int = 0
    last_call_s: float | None = None
    last_success_s: float | None = None
    last_error: str = ""

    def record(self, failure: HookFailure | None, now_s: float) -> None:
        """Count one call.

        Args:
            failure: why it failed; None where it succeeded.
            now_s: when it ended.
        """
        self.calls += 1
        self.last_call_s = now_s
        if failure is None:
            self.consecutive_failures = 0
            self.last_success_s = now_s
            return
        self.failures[failure.reason] += 1
        # Who refuses on purpose is well.
        if not failure.reason.is_settled:
            self.consecutive_failures += 1
        self.last_error = failure.message


@dataclass(frozen=True, slots=True)
class FailedSubject:
    """What one call of a hook is about that failed in the last run for its Gateway; times are seconds since 1970.

    Attributes:
        gateway: `<namespace>/<name>`.
        subject: name of the listener, virtual host, route or cluster; the Gateway's where it is about the whole.
        policy: what is published for it: `deny`, `hold` or `bypass`; `keep` where that is what was accepted before.
        error: what went wrong.
        reason: the class of the failure.
        since_s: since when.
        objects: the objects that it was made from.
    """

    gateway: str
    subject: str
    policy: str
    error: str
    reason: str = ""
    since_s: float = 0.0
    objects: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True)
class HookReport:
    """One hook of one extension, as the admin API shows it. Times are seconds since 1970.

    Attributes:
        manager: name of the extension manager.
        hook: which hook.
        state: how it is doing.
        policy: what happens when it fails.
        calls: calls made, probes included.
        failures: failed calls by reason.
        consecutive_failures: failed calls since the last success.
        last_call_s: when the last call ended.
        last_success_s: when the last call that succeeded ended.
        last_error: what went wrong last; it stays when the hook is healthy again.
        next_retry_s: when the extension is tried again, while it fails.
        failed_count: about how many things its calls failed in the last run for each Gateway.
        failed: what these are; the first of them where they are many.
        load_error: why the newest code of the extension is not in force; the code of before goes on, if there is any.
    """

    manager: str
    hook: Hook
    state: HookState
    policy: str
    calls: int
    failures: Mapping[str, int]
    consecutive_failures: int
    last_call_s: float | None
    last_success_s: float | None
    last_error: str
    next_retry_s: float | None
    failed_count: int = 0
    failed: tuple[FailedSubject, ...] = ()
    load_error: str = ""
