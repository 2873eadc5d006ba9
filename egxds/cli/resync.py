"""The command that has Envoys sent once more what they refused, asked of a running daemon."""

from __future__ import annotations

from urllib.parse import quote

import click

from egxds.cli.admin import order
from egxds.cli.output import FINDINGS, write_message


def resync(address: str, node_id: str | None) -> None:
    """Say what each Envoy is sent once more; exit 1 where the Envoy is not connected.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        node_id: of the Envoys; None for all.
    """
    answer = order(address, "/api/v1/resync" + (f"?node={quote(node_id, safe='')}" if node_id is not None else ""))
    if answer is None:
        write_message(f"no Envoy {node_id!r} is connected; `egxds clients` lists those that are")
        raise click.exceptions.Exit(FINDINGS)
    for item in answer["items"]:
        count = item["resources"]
        if count:
            write_message(f"sent to {item['id']} what it refused: {count} resource{'s' if count > 1 else ''}")
    objects = answer.get("objects", 0)
    if objects:
        write_message(f"tries what is rolled back: {objects} object{'s' if objects > 1 else ''}")
    elif not any(item["resources"] for item in answer["items"]):
        write_message("no Envoy refuses anything")
