"""Log lines have names from one table, metrics have labels of bounded number, and both come out as promised."""

from __future__ import annotations

import ast
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

import egxds
from egxds.names import SHORT_NAMES
from egxds.settings.daemon import LoggingSettings
from egxds.telemetry import EVENTS, Metrics, configure_logging, log
from egxds.telemetry.asked_gauge import MOST_SERIES, OTHER

_LEVELS = {"debug", "info", "warning", "error", "exception"}
_WRITERS = {"_info", "_warn"}
"""Methods that write lines of a client, or count them."""
_UNBOUNDED = {"node", "nodeID", "stream", "name", "namespace", "gateway", "route", "nonce", "peer"}


def _log_calls() -> Iterator[tuple[str, ast.expr]]:
    """Yield the place and the event of every log line in the source."""
    root = Path(egxds.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_log(node.func):
                yield f"{path.relative_to(root)}:{node.lineno}", node.args[0]


def _log_levels() -> Iterator[tuple[str, str, str]]:
    """Yield the place, the event and the level of log lines that say their level where they are written."""
    root = Path(egxds.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_log(node.func):
                event, method = getattr(node.args[0], "value", None), node.func.attr
                level = {"exception": "error", "_info": "info", "_warn": "warning"}.get(method, method)
                if isinstance(event, str):
                    yield f"{path.relative_to(root)}:{node.lineno}", event, level


def _log_fields() -> Iterator[tuple[str, str, list[str]]]:
    """Yield the place, the event and the fields of every log line in the source."""
    root = Path(egxds.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_log(node.func):
                event = getattr(node.args[0], "value", None)
                if isinstance(event, str):
                    yield (
                        f"{path.relative_to(root)}:{node.lineno}",
                        event,
                        [one.arg for one in node.keywords if one.arg],
                    )


def _is_log(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "say"
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr in _WRITERS:
        return True
    if function.attr not in _LEVELS:
        return False
    logger = function.value
    # What is bound to a logger stands as `.now` in what binds it.
    logger = logger.value if isinstance(logger, ast.Attribute) and logger.attr == "now" else logger
    return getattr(logger, "id", None) == "log" or getattr(logger, "attr", None) == "_log"


def test_every_log_line_is_named_in_the_table() -> None:
    """An event is a constant of the table: no sentence, nothing formatted into it."""
    odd = [place for place, event in _log_calls() if getattr(event, "value", None) not in EVENTS]
    assert odd == []


def test_the_table_has_no_event_that_nobody_logs() -> None:
    """A name that is no longer used is gone from the table."""
    used = {event.value for _, event in _log_calls() if isinstance(event, ast.Constant)}
    assert EVENTS.keys() - used == set()


def test_every_field_of_a_log_line_is_in_the_table() -> None:
    """Who searches logs by a field finds it there; what is bound to a stream's lines is listed with each of them."""
    odd = [
        (place, name)
        for place, event, fields in _log_fields()
        for name in fields
        if name not in {*EVENTS[event].fields, "exc_info"}
    ]
    assert odd == []


def test_a_line_is_as_loud_as_the_table_says() -> None:
    """Who filters by level finds there what he misses."""
    odd = [place for place, event, level in _log_levels() if level not in EVENTS[event].levels]
    assert odd == []


def test_metrics_have_labels_of_bounded_number() -> None:
    """No label is a node, a stream, or the name of an object, but where the number of series is bounded."""
    labels = {label for metric in vars(Metrics()).values() for label in getattr(metric, "_labelnames", ())}
    assert labels & _UNBOUNDED == set()


def test_series_of_many_things_are_bounded() -> None:
    """The first have a series of their own, the others one together; a name may be as long as a stranger likes."""
    metrics = Metrics()
    many = [((f"envoy-{number}" + "x" * 1000 * (number == 0),), float(number)) for number in range(3 * MOST_SERIES)]
    metrics.xds_node_lag_seconds.ask(lambda: many)
    lines = [line for line in _scraped(metrics) if line.startswith("egxds_xds_node_lag_seconds{")]
    assert len(lines) == MOST_SERIES + 1
    assert max(map(len, lines)) < 400
    assert f'egxds_xds_node_lag_seconds{{node="{OTHER}"}} {3 * MOST_SERIES - 1}.0' in lines


def test_things_of_one_name_are_one_series() -> None:
    """Two streams of an Envoy, say: Prometheus refuses a scrape with a series twice."""
    metrics = Metrics()
    metrics.xds_node_lag_seconds.ask(lambda: [(("envoy-1",), 5.0), (("envoy-1",), 2.0)])
    assert 'egxds_xds_node_lag_seconds{node="envoy-1"} 5.0' in _scraped(metrics)


def test_series_are_there_before_their_first_event() -> None:
    """Their first increase is an increase then."""
    lines = _scraped(Metrics())
    for word in (*SHORT_NAMES.values(), "other"):
        assert f'egxds_xds_nacks_total{{type="{word}"}} 0.0' in lines


def test_no_series_says_when_another_one_was_made() -> None:
    """They would be as many again."""
    assert [line for line in _scraped(Metrics()) if "_created" in line] == []


def _scraped(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_logs_are_json_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """With `format: json` each line is an object with the event, the level and the time."""
    configure_logging(LoggingSettings(format="json", level="info"))
    log.info("app.stopped", detail="x")
    log.debug("app.stopped")
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["detail"], captured.out) == ("app.stopped", "info", "x", "")
    assert said["timestamp"].endswith("Z")


def test_what_strangers_write_reaches_no_terminal_raw(capsys: pytest.CaptureFixture[str]) -> None:
    """Values, text of libraries and exceptions; the colours are ours."""
    evil = "evil\x1b[2J\x9b1A\r\u202e\u2066\u200b\x7f"
    configure_logging(LoggingSettings(format="pretty"))
    log.warning("library.message", library=evil, text=[evil])
    logging.getLogger("other").warning(evil)
    try:
        pytest.fail(evil)
    except pytest.fail.Exception:
        log.exception("app.reload_failed")
    said = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)
    assert said.count("evil") >= 4
    assert all(line.isprintable() for line in said.split("\n"))


_LIBRARIES = """
import asyncio, logging, threading, warnings
from egxds.settings.daemon import LoggingSettings
from egxds.telemetry import configure_logging
configure_logging(LoggingSettings(format="json"))

class Finalized:
    def __del__(self): raise ValueError("in a finalizer")

def fail(): raise ValueError("in a thread")
async def never_awaited(): pass
async def failing_callback():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)
"""
"""What libraries, and the interpreter, do of which nobody is to see anything but lines of the log."""


@pytest.mark.parametrize(
    ("code", "event", "words"),
    [
        pytest.param(
            "warnings.warn('old\\nway', UserWarning)", "library.message", ["UserWarning", "old\nway"], id="warning"
        ),
        pytest.param("never_awaited()", "library.message", ["RuntimeWarning", "was never awaited"], id="coroutine"),
        pytest.param("logging.getLogger('h2').warning('a %s', 'b')", "library.message", ["h2", "a b"], id="record"),
        pytest.param(
            "logging.getLogger('grpclib').warning('x' * 100_000)", "library.message", ["grpclib"], id="a long record"
        ),
        pytest.param(
            "logging.getLogger('h2').error('%d', 'x')", "library.message", ["h2", "%d"], id="a record that lies"
        ),
        pytest.param("asyncio.run(failing_callback())", "library.message", ["asyncio", "in a thread"], id="event loop"),
        pytest.param("del (f := [Finalized()])[0]", "library.failed", ["in a finalizer"], id="finalizer"),
        pytest.param(
            "t = threading.Thread(target=fail); t.start(); t.join()", "library.failed", ["in a thread"], id="thread"
        ),
    ],
)
def test_what_libraries_say_is_a_line_of_the_log(code: str, event: str, words: list[str]) -> None:
    """Warnings, records and what nobody caught are one line each, in JSON, and short."""
    done = subprocess.run([sys.executable, "-c", _LIBRARIES + code], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    said: dict[str, Any] = json.loads(line)
    assert (said["event"], done.stdout) == (event, "")
    assert all(any(word in str(value) for value in said.values()) for word in words)
    assert len(line) < 5000
