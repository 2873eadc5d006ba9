"""Logs: how they are set up.

A log line is an event name (`room.happening`, from `egxds.telemetry.events`) and key-values, written to standard error:
pretty on a terminal, JSON elsewhere. What libraries and the interpreter have to say (records of `logging`, warnings,
what went wrong where nobody can catch it) is such a line, too, and never writes to standard error by itself.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from functools import partial
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from egxds.settings.daemon import LoggingSettings
from egxds.shown_text import shown, shown_lines
from egxds.standard_streams.daemon import describe_losses

if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from threading import ExceptHookArgs

log: structlog.stdlib.BoundLogger = structlog.get_logger("egxds")

_set_up = count()
_set_up_last = next(_set_up)

_LIBRARY_CHARACTERS = 2000
"""What is written of a library's message, which may be about something that a stranger sent."""


def configure_logging(settings: LoggingSettings) -> None:
    """Send every log line of the process to standard error in the form that the settings ask for, from now on."""
    global _set_up_last  # noqa: PLW0603 the log is the process's
    _set_up_last = next(_set_up)
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


class LogAbout:
    """A log of something that lives on for long: its lines have fields of their own, at the level of now."""

    def __init__(self, **fields: Any) -> None:
        """Begin.

        Args:
            fields: that every line has.
        """
        self._fields = fields
        self._set_up = -1
        self._bound = log

    def add(self, **fields: Any) -> None:
        """Have all lines from now on have more fields."""
        self._fields, self._set_up = {**self._fields, **fields}, -1

    @property
    def now(self) -> structlog.stdlib.BoundLogger:
        """To be asked for with every line: a logger goes on as the log was set up when it was made."""
        if self._set_up != _set_up_last:
            self._set_up, self._bound = _set_up_last, log.bind(**self._fields)
        return self._bound


_console = structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))
"""Forced to be pretty or not: who says NO_COLOR wants none (no-color.org)."""


def _pretty(logger: Any, name: str, values: structlog.typing.EventDict) -> str:
    """Write a line for a terminal: what is text in it may come from a stranger, and the rest is repeated by Python."""
    texts = {key: shown_lines(value) for key, value in values.items() if key == "exception"}
    texts |= {key: shown(value) for key, value in values.items() if isinstance(value, str) and key not in texts}
    return str(_console(logger, name, {**values, **texts}))


def log_level() -> str:
    """Return the name of the level from which on the log takes lines, as `logging` has it."""
    return str(logging.getLevelName(log.bind().get_effective_level()))


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
