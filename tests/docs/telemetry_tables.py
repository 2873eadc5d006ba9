"""What egxds tells, as tables: metrics and their labels, log lines and their fields, the alerts that are shipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import Counter, Gauge, Histogram

from egxds.app.live_settings import SettingsResult
from egxds.app.loads import LoadResult
from egxds.hooks.policy.outcome import Outcome
from egxds.hooks.run.series import CONSEQUENCES
from egxds.hooks.run.series import RESULTS as RESULTS_OF_CALLS
from egxds.inspect.object_counts import ACCEPTED, REFUSED
from egxds.names import SHORT_NAMES
from egxds.problems import Severity
from egxds.settings.extensions import Hook
from egxds.telemetry import EVENTS, Metrics
from egxds.telemetry.asked_gauge import OTHER, AskedGauge
from egxds.telemetry.metrics import OTHER_TYPE
from egxds.wire.grpc.server import Reading
from egxds.wire.xds.refused_clients import Reason
from egxds.wire.xds.strangers import Dialect
from tests.docs.drawing import table

_RULES = Path(__file__).absolute().parents[2] / "config/monitoring/alerts.yaml"

LABELS: Mapping[str, str | list[str]] = {
    "dialect": [dialect.value for dialect in Dialect],
    "direction": ["request", "reply"],
    "gateway": "`<namespace>/<name>`",
    "hook": [hook.value for hook in Hook],
    "kind": "as in the files; `unknown` where a document does not say it",
    "limit": "the key of the settings file, such as `xds.limits.streams`",
    "manager": "name of the extension in the settings file",
    "node": "node id of an Envoy",
    "outcome": [outcome.value for outcome in Outcome],
    "policy": list(CONSEQUENCES),
    "reason": [reason.value for reason in Reason],
    "python": "version of Python",
    "secret": "`<namespace>/<name>`",
    "setting": "the key of the settings file: `xds.tls.certFile`, `xds.tls.clientCAFile`",
    "severity": [severity.value for severity in Severity],
    "source": ["etcd"],
    "state": [ACCEPTED, REFUSED],
    "type": [*SHORT_NAMES.values(), OTHER_TYPE],
    "version": "of egxds",
}
"""Values of each label: all there are, or what they look like."""

RESULTS = {
    "egxds_config_loads_total": [result.value for result in LoadResult],
    "egxds_config_last_load_timestamp_seconds": [result.value for result in LoadResult],
    "egxds_hook_calls_total": list(RESULTS_OF_CALLS),
    "egxds_xds_certificate_readings_total": [reading.value for reading in Reading],
    "egxds_settings_reloads_total": [result.value for result in SettingsResult],
}
"""Values of the label `result`, which does not mean the same in each metric."""


def metrics() -> str:
    """Draw every metric of ours."""
    rows = ((f"`{name}`", kind, _code(labels), purpose) for name, kind, labels, purpose in sorted(known_metrics()))
    return table(("metric", "type", "labels", "what it says"), rows)


def labels() -> str:
    """Draw the values of every label."""
    rows = [(f"`{name}`", values if isinstance(values, str) else _code(values)) for name, values in LABELS.items()]
    results = [(f"`result` of `{name}`", _code(values)) for name, values in RESULTS.items()]
    return table(("label", "values"), sorted((*rows, *results)))


def log_events() -> str:
    """Draw every log line."""
    rows = (
        (f"`{name}`", ", ".join(event.levels), event.purpose, _code(event.fields))
        for name, event in sorted(EVENTS.items())
    )
    return table(("event", "level", "what has happened", "fields"), rows)


def alerts() -> str:
    """Draw the alerts that are shipped."""
    rules: list[dict[str, Any]] = [
        rule for group in yaml.safe_load(_RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
    ]
    rows = (
        (f"`{rule['alert']}`", rule["labels"]["severity"], " ".join(rule["annotations"]["description"].split()))
        for rule in rules
    )
    return table(("alert", "severity", "what it means, and what to do"), rows)


def known_metrics() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield name, type, labels and purpose of every metric of ours."""
    known = Metrics()
    for metric in vars(known).values():
        if isinstance(metric, AskedGauge):
            family = next(metric.describe())
            yield family.name, "gauge", metric.labels, f"{family.documentation}; the rest is `{OTHER}`"
        elif isinstance(metric, Counter | Gauge | Histogram):
            (family,) = metric.describe()
            suffix = "_total" if family.type == "counter" else ""
            yield family.name + suffix, family.type, metric._labelnames, family.documentation
    yield "egxds_log_lines_lost_total", "counter", (), _purpose(known, "egxds_log_lines_lost")


def _purpose(known: Metrics, name: str) -> str:
    return next(family.documentation for family in known.registry.collect() if family.name == name)


def _code(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
