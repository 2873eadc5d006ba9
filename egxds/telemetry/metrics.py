"""Metrics: every name, with what it says and its labels. docs/reference/metrics.md is drawn from this.

Labels are of bounded number: words of ours, names of the settings file, and where a series has the name of an Envoy, a
Gateway or a Secret, as many as `asked_gauge` lets through. Who counts something begins each of its series with 0 before
it happens for the first time (`begin`): the first increase of a series that was not there before is none to Prometheus.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from egxds import __version__
from egxds.names import SHORT_NAMES
from egxds.standard_streams.daemon import lines_lost
from egxds.telemetry.asked_gauge import AskedGauge

OTHER_TYPE = "other"
"""Label of all types that egxds does not serve."""

_BYTES = (256, 1024, 10_240, 102_400, 1_048_576, 4_194_304, 10_485_760, 41_943_040)
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_TYPES = (*SHORT_NAMES.values(), OTHER_TYPE)

# When a series was made is of no use to anybody, and doubles their number.
disable_created_metrics()  # type: ignore[no-untyped-call]


def begin(metric: Counter | Gauge | Histogram, series: Iterable[tuple[str, ...]]) -> None:
    """Have series of a metric from now on, with 0.

    Args:
        metric: which.
        series: values of its labels, in their order.
    """
    for labels in series:
        metric.labels(*labels)


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
        self.build_info = self._gauge("build_info", "1; its labels say what runs here", "version", "python")
        self.build_info.labels(__version__, platform.python_version()).set(1)
        self._add_those_of_input()
        self._add_those_of_a_store()
        self._add_those_of_a_candidate()
        self._add_those_of_the_last_good_input()
        self._add_those_of_settings()
        self._add_those_of_snapshots()
        self._add_those_of_hooks()
        self._add_those_of_states()
        self._add_those_of_clients()
        self._add_those_of_nodes()
        self._add_those_of_sessions()
        self._add_those_of_limits()

    def _add_those_of_input(self) -> None:
        self.config_loads_total = self._counter(
            "config_loads", "Looks at the watched files, by what came of them", "result"
        )
        self.config_last_load_timestamp_seconds = self._gauge(
            "config_last_load_timestamp_seconds", "When the files were last looked at, by what came of it", "result"
        )
        self.config_last_success_timestamp_seconds = self._gauge(
            "config_last_success_timestamp_seconds", "When all files were last read, and nothing in them was refused"
        )
        self.config_unreadable = self._gauge("config_unreadable", "Files and directories that cannot be read")
        self.config_watch_failing = self._gauge(
            "config_watch_failing", "1 while changes of files are found by the poll alone, 0 otherwise"
        )
        self.objects = self._gauge(
            "objects", "Objects by kind: accepted and in force, or refused as they stand in the files", "kind", "state"
        )
        self.objects_rolled_back = self._gauge(
            "objects_rolled_back",
            "Objects of which another content is in force than their text says, since an Envoy refuses that",
        )
        self.problems = self._gauge("problems", "Problems of the input, by severity", "severity")
        self.certificate_expiry_timestamp_seconds = self._asked(
            "certificate_expiry_timestamp_seconds",
            "When a served certificate ends, by its Secret; those that end first",
            min,
            "secret",
        )
        self.translate_duration_seconds = self._histogram(
            "translate_duration_seconds", "From changed files to translated Gateways", _SECONDS
        )

    def _add_those_of_a_store(self) -> None:
        self.source_generation = self._gauge(
            "source_generation",
            "Number of the generation that is in force: one that was published, or the newest that is kept of files",
            "source",
        )
        self.source_connected = self._gauge(
            "source_connected", "1 while the store of published generations answers, 0 otherwise", "source"
        )
        self.source_last_word_timestamp_seconds = self._gauge(
            "source_last_word_timestamp_seconds",
            "When the store of published generations said something last; it does so every few seconds",
            "source",
        )
        self.source_not_followed = self._gauge(
            "source_not_followed",
            "1 while what the store holds is not in force, since it is refused or has gone back in time, 0 otherwise",
            "source",
        )

        self.source_rolled_back = self._gauge(
            "source_rolled_back",
            "1 while an earlier generation is in force in the place of the files, as somebody wanted it, 0 otherwise",
            "source",
        )
        self.history_unwritten = self._gauge(
            "history_unwritten", "1 while what is in force of the files is not in the history in stateDir, 0 otherwise"
        )
        self.source_replicas = self._gauge(
            "source_replicas", "Replicas that follow the same store, this one included, by their records", "source"
        )
        self.source_recorded = self._gauge(
            "source_recorded", "1 while the record of this replica stands in the store, 0 otherwise", "source"
        )
        self.source_replicas_differ = self._gauge(
            "source_replicas_differ",
            "1 while replicas serve different resources though the same generation is in force on them, 0 otherwise",
            "source",
        )

    def _add_those_of_a_candidate(self) -> None:
        self.canary_generation = self._gauge(
            "canary_generation", "Number of the generation that is served to some nodes before the others; 0 for none"
        )
        self.canary_nodes = self._gauge(
            "canary_nodes",
            "Such nodes at this replica: they have taken all of it, have not yet, or have refused something of it",
            "state",
        )
        self.canary_taken_back = self._gauge(
            "canary_taken_back",
            "1 while the generation that was published last is one that was taken back from such nodes, 0 otherwise",
        )

    def _add_those_of_the_last_good_input(self) -> None:
        self.last_good_in_force = self._gauge(
            "last_good_in_force",
            "Files of which what they said last stays in force, since they cannot be read or are not accepted",
        )
        self.last_good_since_timestamp_seconds = self._gauge(
            "last_good_since_timestamp_seconds",
            "Since when, in this process, what some files said last stays in force; 0 while none of it does",
        )
        self.last_good_unwritten = self._gauge(
            "last_good_unwritten", "1 while the last good input is not in stateDir, 0 otherwise"
        )

    def _add_those_of_settings(self) -> None:
        self.settings_reloads_total = self._counter(
            "settings_reloads",
            "How often the settings file was read again, by what came of it: all of it is in force, some of it needs a "
            "restart, or it was refused",
            "result",
        )
        self.settings_not_in_force = self._gauge(
            "settings_not_in_force",
            "1 while the settings file says something that is not in force, or cannot be used, 0 otherwise",
        )

    def _add_those_of_snapshots(self) -> None:
        self.generation = self._gauge(
            "generation", "Number of the newest published state: one more with each that differs, from 0 on at a start"
        )
        self.snapshots_total = self._counter(
            "snapshots", "States decided for a Gateway, by what the hooks made of them", "outcome"
        )
        self.gateways = self._gauge("gateways", "Gateways by what is published for them", "outcome")
        self.gateway_not_accepted_since_timestamp_seconds = self._asked(
            "gateway_not_accepted_since_timestamp_seconds",
            "Since when a Gateway has not been published as its hooks would have it; the longest first",
            min,
            "gateway",
            "outcome",
        )

    def _add_those_of_hooks(self) -> None:
        self.hook_calls_total = self._counter("hook_calls", "Hook calls, by result", "manager", "hook", "result")
        self.hook_replies_shared = self._gauge(
            "hook_replies_shared", "1 while replies of extension servers are shared with other replicas, 0 otherwise"
        )
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
        self.hook_failing_since_timestamp_seconds = self._gauge(
            "hook_failing_since_timestamp_seconds",
            "Since when a hook has been failing for some Gateway; 0 while it works",
            "manager",
            "hook",
        )
        self.hook_last_success_timestamp_seconds = self._gauge(
            "hook_last_success_timestamp_seconds",
            "When a call of a hook last succeeded; 0 where none has",
            "manager",
            "hook",
        )

    def _add_those_of_states(self) -> None:
        self.state_files_ignored_total = self._counter(
            "state_files_ignored", "Things in stateDir that could not be used as a state, or stateDir itself"
        )
        self.states_unwritten = self._gauge(
            "states_unwritten", "Gateways whose newest state is not in stateDir, and would not be held after a restart"
        )

    def _add_those_of_clients(self) -> None:
        self.xds_connected_clients = self._gauge("xds_connected_clients", "Open ADS streams")
        self.xds_connected_nodes = self._gauge("xds_connected_nodes", "Envoys that are connected, by their node ids")
        self.xds_let_go_total = self._counter(
            "xds_let_go", "Envoys that were let go, since other replicas have less of them"
        )
        self.xds_lost_nodes = self._gauge(
            "xds_lost_nodes", "Envoys that were connected within the last hour, and are not"
        )
        self.xds_node_lost_timestamp_seconds = self._asked(
            "xds_node_lost_timestamp_seconds", "When an Envoy was lost, for an hour; the newest first", max, "node"
        )
        self.xds_client_certificate_expiry_timestamp_seconds = self._asked(
            "xds_client_certificate_expiry_timestamp_seconds",
            "When the certificate ends that a connected Envoy has shown; those that end first",
            min,
            "node",
        )

    def _add_those_of_nodes(self) -> None:
        self.xds_node_lag_seconds = self._asked(
            "xds_node_lag_seconds",
            "For how long an Envoy has not taken all that there is for it; 0 for one that has. The slowest first",
            max,
            "node",
        )
        self.xds_node_lag_generations = self._asked(
            "xds_node_lag_generations",
            "How many generations behind an Envoy is with the state that it has taken whole; the slowest first",
            max,
            "node",
        )
        self.xds_node_refused_resources = self._asked(
            "xds_node_refused_resources",
            "Resources that an Envoy refuses at this moment; the longest first",
            lambda one, other: one + other,
            "node",
            "type",
        )
        self.xds_node_refused_seconds = self._asked(
            "xds_node_refused_seconds",
            "For how long an Envoy has been refusing resources of a type; the longest first",
            max,
            "node",
            "type",
        )

    def _add_those_of_sessions(self) -> None:
        self.xds_responses_total = self._counter("xds_responses", "Responses sent, by resource type", "type")
        self.xds_response_bytes = self._histogram("xds_response_bytes", "Size of one response", _BYTES, "type")
        self.xds_strangers_total = self._counter(
            "xds_strangers", "Streams and requests of clients that speak what is not served here", "dialect"
        )
        self.xds_refused_total = self._counter(
            "xds_refused",
            "Connections and streams of clients that are not let in, or not to what they ask for",
            "reason",
        )
        self.xds_certificate_readings_total = self._counter(
            "xds_certificate_readings",
            "Times that certificates of the xDS port were read again, by what came of it",
            "result",
        )
        self.xds_acks_total = self._counter("xds_acks", "Responses accepted by an Envoy, by resource type", "type")
        self.xds_nacks_total = self._counter("xds_nacks", "Responses refused by an Envoy, by resource type", "type")
        self.xds_refused_resources = self._gauge(
            "xds_refused_resources", "Resources that an Envoy refuses at this moment, for each that does", "type"
        )
        self.xds_retries_total = self._counter(
            "xds_retries", "Resources sent once more that an Envoy had refused, by type", "type"
        )
        by_type = (self.xds_responses_total, self.xds_response_bytes, self.xds_acks_total, self.xds_nacks_total)
        for metric in (*by_type, self.xds_refused_resources, self.xds_retries_total):
            begin(metric, ((word,) for word in _TYPES))

        self.xds_certificate_expiry_timestamp_seconds = self._gauge(
            "xds_certificate_expiry_timestamp_seconds",
            "When a certificate of the xDS port ends, by the setting of its file; of authorities the first to end",
            "setting",
        )

    def _add_those_of_limits(self) -> None:
        self.xds_unfinished_request_bytes = self._gauge(
            "xds_unfinished_request_bytes", "What is held of requests that are not finished"
        )
        self.xds_untaken_response_bytes = self._gauge(
            "xds_untaken_response_bytes", "What is held of responses that clients have not taken yet"
        )
        self.xds_unread_bytes = self._gauge(
            "xds_unread_bytes", "What connections have received and nobody has read yet"
        )
        self.xds_unwritten_bytes = self._gauge(
            "xds_unwritten_bytes", "What was written to connections and their clients have not taken, at the most"
        )
        self.xds_limited_total = self._counter(
            "xds_limited", "Connections ended and streams refused, by the limit that was reached", "limit"
        )
        self.admin_limited_total = self._counter(
            "admin_limited",
            "Admin connections ended and requests refused, by the limit or setting that says so",
            "limit",
        )

    def _counter(self, name: str, purpose: str, *labels: str) -> Counter:
        return Counter(f"egxds_{name}", purpose, labels, registry=self.registry)

    def _gauge(self, name: str, purpose: str, *labels: str) -> Gauge:
        return Gauge(f"egxds_{name}", purpose, labels, registry=self.registry)

    def _asked(self, name: str, purpose: str, rest: Callable[[float, float], float], *labels: str) -> AskedGauge:
        return AskedGauge(f"egxds_{name}", purpose, labels, self.registry, rest)

    def _histogram(self, name: str, purpose: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"egxds_{name}", purpose, labels, registry=self.registry, buckets=buckets)
