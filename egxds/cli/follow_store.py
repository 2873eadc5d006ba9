"""The command that has a store followed though it has gone back in time, asked of a running daemon."""

from __future__ import annotations

import click

from egxds.cli.admin import order
from egxds.cli.output import FINDINGS, write_message


def follow_store(address: str) -> None:
    """Say which generation is in force now; exit 1 where nothing came of it, or there is no store.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
    """
    answer = order(address, "/api/v1/follow-store")
    if answer is None:
        write_message("objects come from files here, and from no store that could be followed")
        raise click.exceptions.Exit(FINDINGS)
    now = answer["source"]
    if not answer["reason"]:
        write_message(f"the store has not gone back: {_stands(now)}")
        return
    write_message(f"it was not followed, since {answer['reason']}")
    if not now["isAtHead"]:
        write_message(f"it is not followed yet: {now['refused'] or now['fault'] or now['goneBack']}")
        raise click.exceptions.Exit(FINDINGS)
    write_message(f"it is followed now: {_stands(now)}")


def _stands(source: dict[str, object]) -> str:
    return f"generation {source['read']} was read last, {source['generation']} is in force"
