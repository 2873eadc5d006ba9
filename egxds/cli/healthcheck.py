"""The command that says whether a running daemon is ready, by its exit status."""

from __future__ import annotations

import click

from egxds.cli.admin import readiness
from egxds.cli.output import FINDINGS, write_line


def healthcheck(address: str) -> None:
    """Print what the daemon says of itself, and exit 1 where it is not ready.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
    """
    is_ready, said = readiness(address)
    for line in said.splitlines():
        write_line(line)
    if not is_ready:
        raise click.exceptions.Exit(FINDINGS)
