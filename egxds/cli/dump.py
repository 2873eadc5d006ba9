"""The command that prints what Envoys are served, asked of a running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from egxds.cli.admin import fetch
from egxds.cli.options import ResourceKind
from egxds.cli.output import FINDINGS, DataFormat, ListForm, cell, write_data, write_message

if TYPE_CHECKING:
    from rich.text import Text


def dump(address: str, kind: ResourceKind, name: str | None, form: ListForm) -> None:
    """Print resources; exit 1 where none has that name.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        kind: their type.
        name: the whole name of a resource; None for all.
        form: a table without their bodies, or all that the admin API has.
    """
    query = "" if kind is ResourceKind.ALL else "?" + urlencode({"type": kind.value})
    answer = fetch(address, f"/api/v1/config_dump{query}")
    items = [item for item in answer["items"] if name in (None, item["name"])]
    if form is not ListForm.TABLE:
        write_data({**answer, "items": items}, DataFormat(form.value))
    elif items:
        _print(items)
    if items:
        return
    if name is None:
        write_message("Envoys are served nothing of this type")
    else:
        write_message(f"no resource is called {name!r}; `egxds dump -o table` lists those that there are")
        raise click.exceptions.Exit(FINDINGS)


def _print(items: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("GATEWAY", "TYPE"):
        table.add_column(title, no_wrap=True)
    table.add_column("NAME", overflow="fold", ratio=1)
    table.add_column("VERSION", no_wrap=True)
    table.add_column("SOURCE", overflow="fold", ratio=1)
    for item in items:
        table.add_row(*_cells(item))
    Console(highlight=False).print(table)


def _cells(item: Any) -> Iterator[Text]:
    for key in ("gateway", "type", "name", "version"):
        yield cell(item[key])
    places = [f"{place['file']}:{place['line']}" for place in item["sources"][:1]]
    more = len(item["sources"]) - len(places)
    yield cell(" ".join([*places, *([f"+{more}"] if more else [])]))
