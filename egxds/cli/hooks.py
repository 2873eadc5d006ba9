"""The command that says how the extension hooks are doing, asked of a running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from egxds.cli.admin import fetch
from egxds.cli.output import FINDINGS, DataFormat, ListForm, cell, paragraph, write_data, write_message

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {
    "healthy": "green",
    "failing": "bold red",
    "refusing": "yellow",
    "not serving": "yellow",
    "never called": "dim",
}
_FINDINGS = frozenset({"failing", "refusing"})
_NEVER_CALLED = "never called"


def hooks(address: str, form: ListForm) -> None:
    """Print how each hook is doing.

    Exits with 1 where one fails or refuses something, or its newest code does not load.

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
    if any(item["state"] in _FINDINGS or item["loadError"] for item in items):
        raise click.exceptions.Exit(FINDINGS)


def _print(items: list[Any]) -> None:
    """Print a line for each hook, and under the table what went wrong: it is too long for a column."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

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
            console.print()
            console.print(cell(f"{_describe(item)}: last error{again}"))
            console.print(Padding(paragraph(item["lastError"]), (0, 0, 0, 2)))
        if item["failed"]:
            _print_failed(console, item)


def _print_failed(console: Console, item: Any) -> None:
    """Print what a hook fails on now, and what is done about each."""
    from rich.padding import Padding

    console.print()
    console.print(cell(f"{_describe(item)} fails on"))
    for each in item["failed"]:
        said = "" if each["error"] == item["lastError"] else f": {each['error']}"
        line = (
            f"{each['subject']} of Gateway {each['gateway']} ({each['onFailure']}, since {_time(each['since'])}){said}"
        )
        console.print(Padding(cell(line), (0, 0, 0, 2)))
        for about in each["objects"]:
            console.print(Padding(cell(_object(about)), (0, 0, 0, 4)))
    more = item["failedCount"] - len(item["failed"])
    if more:
        console.print(Padding(cell(f"and {more} more"), (0, 0, 0, 2)))


def _cells(item: Any) -> Iterator[Text]:
    yield cell(item["manager"])
    yield cell(item["hook"])
    yield cell(item["state"], style=_STYLES.get(item["state"], ""))
    yield cell(item["onFailure"])
    yield cell(str(item["calls"]))
    yield cell(str(sum(item["failures"].values())))
    yield cell(_time(item["lastCall"]))


def _describe(item: Any) -> str:
    extension = f"extension {item['manager']}" if item["manager"] else "the extension"
    return f"{item['hook']} hook of {extension}"


def _object(about: Any) -> str:
    """Name an object, and where it stands."""
    place = about["source"]
    name = "/".join(filter(None, (about["namespace"], about["name"])))
    return f"{about['kind']} {name}" + (f" ({place['file']}:{place['line']})" if place else "")


def _time(text: str | None) -> str:
    """Return the time of day of an ISO time, in the zone of whoever reads it."""
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S") if text else "never"
