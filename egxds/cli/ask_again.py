"""The option that has extensions asked everything again, of a running daemon."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from egxds.cli.admin import order
from egxds.cli.output import FINDINGS, DataFormat, ListForm, write_data, write_line, write_message

_ACCEPTED = "accepted"


def ask_again(address: str, name: str | None, form: ListForm) -> None:
    """Say what was asked, and what came out otherwise; exit 1 where a call fails.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        name: of the extension; None for all.
        form: lines for people, or all that the admin API has.
    """
    path = "/api/v1/hooks/ask-again" + (f"?name={quote(name, safe='')}" if name is not None else "")
    answer = order(address, path)
    if answer is None:
        write_message(f"no extension {name!r} is set up; `egxds hooks` lists those that are")
        raise click.exceptions.Exit(FINDINGS)
    if form is not ListForm.TABLE:
        write_data(answer, DataFormat(form.value))
    else:
        _print(answer)
    # A call that fails may leave what is published as it was.
    has_failed = any(hook["failures"] for hook in answer["hooks"])
    if not answer["isDone"] or has_failed or any(one["outcome"] != _ACCEPTED for one in answer["gateways"]):
        raise click.exceptions.Exit(FINDINGS)


def _print(answer: Any) -> None:
    for hook in answer["hooks"]:
        extension = f"extension {hook['manager']}" if hook["manager"] else "the extension"
        failed = f", {hook['failures']} failed" if hook["failures"] else ""
        write_line(f"{hook['hook']} hook of {extension}: {_count(hook['calls'], 'call')}{failed}")
    for gateway in answer["gateways"]:
        changed = [f"  {one['type']} {one['name']}" for one in gateway["changed"]]
        what = f"{_count(len(changed), 'resource')} changed" if changed else "nothing changed"
        for line in (f"Gateway {gateway['gateway']}: {gateway['outcome']}, {what}", *changed):
            write_line(line)
    if not answer["isDone"]:
        write_message("not all have answered yet; it goes on, and `egxds hooks` says how they are doing")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
