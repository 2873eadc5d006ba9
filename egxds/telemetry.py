"""Logs and metrics: how they are set up, and the names they use.

A log line is an event name (`room.happening`, from `EVENTS`) and key-values, written to standard error: pretty
on a terminal, JSON elsewhere. What libraries and the interpreter have to say (records of `logging`, warnings, what went
wrong where nobody can catch it) is such a line, too, and never writes to standard error by itself. Metrics carry
labels of bounded number only: never a node, stream or object name.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from egxds.settings.daemon import LoggingSettings
from egxds.shown_text import shown, shown_lines
from egxds.standard_streams.daemon import describe_losses, lines_lost

if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from threading import ExceptHookArgs

EVENTS = frozenset(
    {
        "app.envoy_starting",
        "app.listening",
        "app.load_refused",
        "app.log_lines_lost",
        "app.notify_failed",
        "app.reload_failed",
        "app.events_failed",
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
        "hook.load_failed",
        "hook.loaded",
        "hook.message",
        "hook.not_asked",
        "hook.output",
        "hook.output_lost",
        "hook.process_ended",
        "hook.raised",
        "hook.recovered",
        "hook.renewed",
        "hook.state_cut",
        "hook.state_ignored",
        "hook.state_not_written",
        "hook.state_written",
        "library.failed",
        "library.message",
        "model.problem",
        "model.solved",
        "session.ack",
        "session.close",
        "session.nack",
        "session.nack_over",
        "session.node_unknown",
        "session.not_served",
        "session.unexpected_request",
        "session.open",
        "session.push",
        "session.refused",
        "settings.note",
        "snapshot.published",
        "snapshot.removed",
        "wire.address_open",
        "wire.certificates_kept",
        "wire.certificates_loaded",
        "wire.admin_request_refused",
        "wire.connection_ended",
        "wire.stream_broken_off",
        "wire.stream_refused",
    }
)

log: structlog.stdlib.BoundLogger = structlog.get_logger("egxds")

_LIBRARY_CHARACTERS = 2000
"""What is written of a library's message, which may be about something that a stranger sent."""

_BYTES = (256, 1024, 10_240, 102_400, 1_048_576, 4_194_304, 10_485_760, 41_943_040)
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def configure_logging(settings: LoggingSettings) -> None:
    """Send every log line of the process to standard error in the form that the settings ask for."""
    pretty = settings.format == "pretty" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelName(settings.level.upper())
    renderer: structlog.typing.Processor = _pretty if pretty else structlog.processors.JSONRenderer(sort_keys=True)
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
    _take_over_libraries(level)
    say = structlog.wrap_logger(structlog.ReturnLogger(), processors=[*shared, renderer]).warning
    describe_losses(lambda lines: str(say("app.log_lines_lost", detail=f"{lines} log lines were lost", lines=lines)))


_console = structlog.dev.ConsoleRenderer()


def _pretty(logger: Any, name: str, values: structlog.typing.EventDict) -> str:
    """Write a line for a terminal: what is text in it may come from a stranger, and the rest is repeated by Python."""
    texts = {key: shown_lines(value) for key, value in values.items() if key == "exception"}
    texts |= {key: shown(value) for key, value in values.items() if isinstance(value, str) and key not in texts}
    return str(_console(logger, name, {**values, **texts}))


def log_level() -> str:
    """Return the name of the level from which on the log takes lines, as `logging` has it."""
    return str(logging.getLevelName(log.bind().get_effective_level()))


class _LostLines(Collector):
    """Log lines are written by the process, not by one daemon: they are counted there."""

    def collect(self) -> Iterator[Metric]:
        """Say how many there are now."""
        purpose = "Log lines that could not be written: who reads them is slow or gone, or the disk is full"
        yield CounterMetricFamily("egxds_log_lines_lost", purpose, value=lines_lost())


def take_loggers(package: str) -> None:
    """Have what the loggers of a package of the user's say written with their names and levels, as his own log would.

    Args:
        package: first part of their names.
    """
    logger = logging.getLogger(package)
    logger.handlers = [_UserRecords()]
    logger.setLevel(log_level())
    logger.propagate = False


def _take_over_libraries(level: int) -> None:
    logging.basicConfig(handlers=[_LibraryRecords()], level=max(level, logging.WARNING), force=True)
    warnings.showwarning = _show_warning
    sys.unraisablehook = _unraisable
    threading.excepthook = _thread_failed


class _LibraryRecords(logging.Handler):
    """Writes what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        say = log.error if record.levelno >= logging.ERROR else log.warning
        said = {"library": record.name, "text": _cut(_text_of(record))}
        say("library.message", **said, **({"exc_info": record.exc_info} if record.exc_info else {}))


class _UserRecords(logging.Handler):
    """Writes what code of the user's logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        say = partial(log.log, record.levelno)
        said = {"logger": record.name, "text": _cut(_text_of(record))}
        say("hook.message", **said, **({"exc_info": record.exc_info} if record.exc_info else {}))


def _text_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # its arguments do not fit
        return str(record.msg)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 the signature is Python's
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Write a warning of a library, or of the interpreter: a coroutine that was never awaited is one."""
    log.warning("library.message", library=category.__name__, text=_cut(str(message)), place=f"{filename}:{lineno}")


def _unraisable(failed: UnraisableHookArgs) -> None:
    """Write an exception that nothing can catch, such as one of a finalizer."""
    text = f"{failed.err_msg or 'Exception ignored in'}: {failed.object!r}"
    _failed(text, failed.exc_value, failed.exc_traceback)


def _thread_failed(failed: ExceptHookArgs) -> None:
    """Write an exception that ended a thread."""
    name = failed.thread.name if failed.thread is not None else "unknown"
    _failed(f"thread {name}", failed.exc_value, failed.exc_traceback)


def _failed(text: str, err: BaseException | None, traceback: TracebackType | None) -> None:
    exc_info = (type(err), err, traceback) if err is not None else None
    log.error("library.failed", text=_cut(text), exc_info=exc_info)


def _cut(text: str) -> str:
    return text[:_LIBRARY_CHARACTERS]


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
        self.xds_strangers_total = self._counter(
            "xds_strangers", "Streams and requests of clients that speak what is not served here", "dialect"
        )
        self.xds_acks_total = self._counter("xds_acks", "Responses accepted by an Envoy, by resource type", "type")
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
        self.xds_nacks_total = self._counter("xds_nacks", "Responses refused by an Envoy, by resource type", "type")
        self.xds_refused_resources = self._gauge(
            "xds_refused_resources", "Resources that an Envoy refuses at this moment, for each that does", "type"
        )
        self.xds_retries_total = self._counter(
            "xds_retries", "Resources sent once more that an Envoy had refused, by type", "type"
        )

    def _counter(self, name: str, purpose: str, *labels: str) -> Counter:
        return Counter(f"egxds_{name}", purpose, labels, registry=self.registry)

    def _gauge(self, name: str, purpose: str, *labels: str) -> Gauge:
        return Gauge(f"egxds_{name}", purpose, labels, registry=self.registry)

    def _histogram(self, name: str, purpose: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"egxds_{name}", purpose, labels, registry=self.registry, buckets=buckets)
