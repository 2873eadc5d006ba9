"""The command that lists the connected Envoys, asked of a running daemon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from egxds.cli.admin import fetch, fetch_if_there
from egxds.cli.fleet import SERVED, is_canary, print_envoys, refuses_anything, served_from
from egxds.cli.options import FleetScope
from egxds.cli.output import FINDINGS, DataFormat, ListForm, cell, paragraph, write_data, write_message

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {"SYNCED": "green", "STALE": "yellow", "NACKED": "bold red", "NOT_SENT": "dim"}
_REFUSING = "NACKED"
_SHOWN_PLACES = 3
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))


def clients(address: str, form: ListForm, scope: FleetScope) -> None:
    """Print who is connected; exit 1 where one of them refuses something, or may: not all can be asked for.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        form: a table for people, or all that the admin API has.
        scope: whether those of other replicas are shown, where there are any.
    """
    envoys = fetch_if_there(address, "/api/v1/fleet/envoys") if scope is FleetScope.ALL else None
    if envoys is None:
        _local(address, form)
        return
    if form is not ListForm.TABLE:
        write_data({**fetch(address, "/api/v1/clients"), "fleet": envoys}, DataFormat(form.value))
    else:
        print_envoys(envoys)
    if envoys["faults"] or refuses_anything(envoys):
        raise click.exceptions.Exit(FINDINGS)


def _local(address: str, form: ListForm) -> None:
    answer = fetch(address, "/api/v1/clients")
    if form is not ListForm.TABLE:
        write_data(answer, DataFormat(form.value))
    elif answer["items"]:
        _print(answer["items"], answer["nacks"])
    else:
        write_message("no Envoy is connected")
    if any(status["state"] == _REFUSING for item in answer["items"] for status in item["types"]):
        raise click.exceptions.Exit(FINDINGS)


def _print(items: list[Any], nacks: list[Any]) -> None:
    """Print a line for each Envoy and type, and under the table what was refused: it is too long for a column."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("ENVOY", overflow="fold", ratio=1)
    has_canaries = any(map(is_canary, items))
    if has_canaries:
        table.add_column(SERVED, no_wrap=True)
    for title in ("TYPE", "STATE"):
        table.add_column(title, no_wrap=True)
    for title in ("SENT", "ACKED", "NACKED", "SINCE ACK"):
        table.add_column(title, no_wrap=True, justify="right")
    table.add_column("VERSIONS", no_wrap=True)
    for item in items:
        named = [_name(item), served_from(item)] if has_canaries else [_name(item)]
        for status in item["types"] or (None,):
            table.add_row(*map(cell, named), *_cells(status))
            named = [""] * len(named)
    console.print(table)
    for headline, error in _refusals(items, nacks):
        console.print()
        console.print(cell(headline))
        console.print(Padding(paragraph(error), (0, 0, 0, 2)))


def _name(item: Any) -> str:
    """Name an Envoy; before its first request only its address is known."""
    return f"{item['id'] or item['peer']} #{item['stream']}"


def _cells(status: Any) -> Iterator[Text]:
    if status is None:
        return
    state = status["state"]
    yield cell(_type(status))
    yield cell(state, style=_STYLES.get(state, ""))
    for count in ("sent", "acked", "nacked"):
        yield cell(str(status[count]))
    yield cell(_age(status["secondsSinceAck"]))
    yield cell(status["versions"]["sent"])


def _type(status: Any) -> str:
    """Return the short name of a type; one that egxds does not know goes by the last word of its URL."""
    return str(status["type"]).rpartition(".")[2]


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def _refusals(items: list[Any], nacks: list[Any]) -> Iterator[tuple[str, str]]:
    of_nacks = {(nack["node"], nack["type"]): nack["resources"] for nack in nacks}
    for item in items:
        for status in item["types"]:
            if status["lastError"]:
                before = of_nacks.get((item["id"], status["type"]), ())
                yield f"{_name(item)} {_type(status)}: {_stands(status, before)}", status["lastError"]


def _stands(status: Any, before: Iterable[Any]) -> str:
    """Say what an Envoy refuses now, or else what its last NACK was about."""
    if status["refused"]:
        return f"refuses {', '.join(map(_placed, status['refused']))}"
    what = ", ".join(map(_placed, before)) or "something"
    if status["state"] == _REFUSING:
        return f"refused {what}"
    return f"refused {what}, and has taken a later version of it"


def _placed(refused: Any) -> str:
    """Name a refused resource, with the first places that it comes from."""
    places = [f"{place['file']}:{place['line']}" for place in refused["sources"][:_SHOWN_PLACES]]
    more = [f"and {len(refused['sources']) - _SHOWN_PLACES} more"] if len(refused["sources"]) > _SHOWN_PLACES else []
    return f"{refused['name']} ({', '.join([*places, *more])})" if places else str(refused["name"])
