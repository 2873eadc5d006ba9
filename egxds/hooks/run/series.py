"""Which series the metrics of hooks have before anything is called: all that the settings can lead to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from egxds.errors import FailureReason
from egxds.settings.extensions import ExtensionManager, OnFailure
from egxds.telemetry import Metrics
from egxds.telemetry.metrics import begin

CONSEQUENCES = (*get_args(OnFailure), "keep")
"""What can be done about a failed call: values of a label."""

RESULTS = ("ok", "cached", "shared", *(reason.value for reason in FailureReason))
"""What may come of a call: values of a label."""


def begin_series(managers: Iterable[ExtensionManager], metrics: Metrics) -> None:
    """Begin them with 0.

    Args:
        managers: the extensions.
        metrics: where they are shown.
    """
    hooks = [(one.name, hook.value) for one in managers for hook in one.hooks.xds_translator.post]
    begin(metrics.hook_calls_total, ((*hook, result) for hook in hooks for result in RESULTS))
    begin(metrics.hook_generations_total, ((*hook, policy) for hook in hooks for policy in CONSEQUENCES))
    begin(metrics.hook_message_bytes, ((*hook, direction) for hook in hooks for direction in ("request", "reply")))
    since = (metrics.hook_failing_since_timestamp_seconds, metrics.hook_last_success_timestamp_seconds)
    for metric in (metrics.hook_duration_seconds, *since):
        begin(metric, hooks)
