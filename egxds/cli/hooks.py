"""The command that says how the extension hooks are doing, asked of a running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egxds.cli.admin import ListForm, fetch
from egxds.cli.output import FINDINGS, DataFormat, write_data, write_message

_STYLES = {"healthy": "green", "failing": "bold red", "not serving": "yellow", "never called": "dim"}
_FAILING = "failing"
_NEVER_CALLED = "never called"


def hooks(address: str, form: ListForm) -> None:
    """Print how each hook is doing; exit 1 where one fails or its newest code does not load, or nobody can be asked.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        form: a table for people, or all that the admin API has.
    """
    answer = fetch(address, "/api/v1/hooks")
    items = answer["items"]
    if form is not ListForm.TABLE:
        write_data(answer, DataFormat(form.value))
    elif items:
        _print(items)
    else:
        write_message("no extension is set up")
    for item in items:
        if item["state"] == _NEVER_CALLED:
            write_message(f"warning: {_describe(item)} is set up, and nothing has needed it so far")
    for error in dict.fromkeys(item["loadError"] for item in items if item["loadError"]):
        write_message(f"error: newer code is not in force: {error}")
    if any(item["state"] == _FAILING or item["loadError"] for item in items):
        raise typer.Exit(FINDINGS)


def _print(items: list[Any]) -> None:
    """Print a line for each hook, and under the table what went wrong: it is too long for a column."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("EXTENSION", overflow="fold", ratio=1)
    for title in ("HOOK", "STATE", "ON FAILURE"):
        table.add_column(title, no_wrap=True)
    for title in ("CALLS", "FAILED", "LAST CALL"):
        table.add_column(title, no_wrap=True, justify="right")
    for item in items:
        table.add_row(*_cells(item))
    console.print(table)
    for item in items:
        if item["lastError"]:
            again = f", tried again {_time(item['nextRetry'])}" if item["nextRetry"] else ""
            console.print(Text(f"\n{_describe(item)}: last error{again}"))
            console.print(Padding(Text(item["lastError"]), (0, 0, 0, 2)))
        if item["failed"]:
            _print_failed(console, item)


def _print_failed(console: Console, item: Any) -> None:
    """Print what a hook fails on now, and what is done about each."""
    console.print(Text(f"\n{_describe(item)} fails on"))
    for each in item["failed"]:
        said = "" if each["error"] == item["lastError"] else f": {each['error']}"
        line = f"{each['subject']} of Gateway {each['gateway']} ({each['onFailure']}){said}"
        console.print(Padding(Text(line), (0, 0, 0, 2)))
    more = item["failedCount"] - len(item["failed"])
    if more:
        console.print(Padding(Text(f"and {more} more"), (0, 0, 0, 2)))


def _cells(item: Any) -> Iterator[Text]:
    yield Text(item["manager"])
    yield Text(item["hook"])
    yield Text(item["state"], style=_STYLES.get(item["state"], ""))
    yield Text(item["onFailure"])
    yield Text(str(item["calls"]))
    yield Text(str(sum(item["failures"].values())))
    yield Text(_time(item["lastCall"]))


def _describe(item: Any) -> str:
    extension = f"extension {item['manager']}" if item["manager"] else "the extension"
    return f"{item['hook']} hook of {extension}"


def _time(text: str | None) -> str:
    """Return the time of day of an ISO time, in the zone of whoever reads it."""
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S") if text else "never"
