"""Logs and metrics: how they are set up, and the names they use.

A log line is an event name (`room.happening`, from `EVENTS`) and key-values, written to standard error: pretty
on a terminal, JSON elsewhere. Metrics carry labels of bounded number only: never a node, stream or object name.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from egxds.settings.daemon import LoggingSettings
from egxds.standard_streams.daemon import describe_losses, lines_lost

EVENTS = frozenset(
    {
        "app.envoy_starting",
        "app.listening",
        "app.load_refused",
        "app.log_lines_lost",
        "app.notify_failed",
        "app.reload_failed",
        "app.report_failed",
        "app.started",
        "app.stopped",
        "app.stopping",
        "app.unexpected",
        "files.watch_failed",
        "hook.certificates_kept",
        "hook.certificates_loaded",
        "hook.failed",
        "hook.hold_expired",
        "hook.recovered",
        "hook.state_cut",
        "hook.state_ignored",
        "hook.state_not_written",
        "hook.state_written",
        "model.problem",
        "model.solved",
        "session.ack",
        "session.close",
        "session.nack",
        "session.node_unknown",
        "session.unexpected_request",
        "session.open",
        "session.push",
        "session.refused",
        "snapshot.published",
        "snapshot.removed",
        "wire.certificates_kept",
        "wire.certificates_loaded",
    }
)

log: structlog.stdlib.BoundLogger = structlog.get_logger("egxds")

_BYTES = (256, 1024, 10_240, 102_400, 1_048_576, 4_194_304, 10_485_760, 41_943_040)
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def configure_logging(settings: LoggingSettings) -> None:
    """Send every log line of the process to standard error in the form that the settings ask for."""
    pretty = settings.format == "pretty" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelName(settings.level.upper())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(sort_keys=True)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    say = structlog.wrap_logger(structlog.ReturnLogger(), processors=[*shared, renderer]).warning
    describe_losses(lambda lines: str(say("app.log_lines_lost", detail=f"{lines} log lines were lost", lines=lines)))


class _LostLines(Collector):
    """Log lines are written by the process, not by one daemon: they are counted there."""

    def collect(self) -> Iterator[Metric]:
        """Say how many there are now."""
        purpose = "Log lines that could not be written: who reads them is slow or gone, or the disk is full"
        yield CounterMetricFamily("egxds_log_lines_lost", purpose, value=lines_lost())


class Metrics:
    """Every metric of the process, in a registry of its own so that two daemons in one test do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_LostLines())
        self.tasks = self._gauge("tasks", "Tasks of the event loop")
        self._add_those_of_input()
        self._add_those_of_hooks()
        self._add_those_of_states()
        self._add_those_of_sessions()

    def _add_those_of_input(self) -> None:
        self.config_loads_total = self._counter(
            "config_loads", "Looks at the watched files, by what came of them", "result"
        )
        self.config_last_success_timestamp_seconds = self._gauge(
            "config_last_success_timestamp_seconds", "When the files were last read in full"
        )
        self.objects = self._gauge(
            "objects", "Objects by kind: accepted and in force, or refused as they stand in the files", "kind", "state"
        )
        self.problems = self._gauge("problems", "Problems of the input, by severity", "severity")
        self.translate_duration_seconds = self._histogram(
            "translate_duration_seconds", "From changed files to translated Gateways", _SECONDS
        )

    def _add_those_of_hooks(self) -> None:
        self.snapshots_total = self._counter(
            "snapshots", "States decided for a Gateway, by what the hooks made of them", "outcome"
        )
        self.gateways = self._gauge("gateways", "Gateways by what is published for them", "outcome")
        self.hook_calls_total = self._counter("hook_calls", "Hook calls, by result", "manager", "hook", "result")
        self.hook_duration_seconds = self._histogram(
            "hook_duration_seconds", "Time of one hook call", _SECONDS, "manager", "hook"
        )
        self.hook_message_bytes = self._histogram(
            "hook_message_bytes", "Size of hook requests and replies", _BYTES, "manager", "hook", "direction"
        )
        self.hook_generations_total = self._counter(
            "hook_generations",
            "States decided for a Gateway while a hook failed, by what was done about it",
            "manager",
            "hook",
            "policy",
        )

    def _add_those_of_states(self) -> None:
        self.state_files_ignored_total = self._counter(
            "state_files_ignored", "Things in stateDir that could not be used as a state, or stateDir itself"
        )
        self.states_unwritten = self._gauge(
            "states_unwritten", "Gateways whose newest state is not in stateDir, and would not be held after a restart"
        )

    def _add_those_of_sessions(self) -> None:
        self.xds_connected_clients = self._gauge("xds_connected_clients", "Open ADS streams")
        self.xds_responses_total = self._counter("xds_responses", "Responses sent, by resource type", "type")
        self.xds_response_bytes = self._histogram("xds_response_bytes", "Size of one response", _BYTES, "type")
        self.xds_acks_total = self._counter("xds_acks", "Responses accepted by an Envoy, by resource type", "type")
        self.xds_nacks_total = self._counter("xds_nacks", "Responses refused by an Envoy, by resource type", "type")

    def _counter(self, name: str, purpose: str, *labels: str) -> Counter:
        return Counter(f"egxds_{name}", purpose, labels, registry=self.registry)

    def _gauge(self, name: str, purpose: str, *labels: str) -> Gauge:
        return Gauge(f"egxds_{name}", purpose, labels, registry=self.registry)

    def _histogram(self, name: str, purpose: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"egxds_{name}", purpose, labels, registry=self.registry, buckets=buckets)
