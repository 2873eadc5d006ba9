"""The arguments of the commands that ask a running daemon."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.output import ListForm


@click.command()
@options.daemon_config
@options.admin
@options.list_output
def clients(config: Path | None, admin: str | None, output: ListForm) -> None:
    """List the connected Envoys.

    What each was sent, took and refused; exit 1 while one refuses something.
    """
    from egxds.cli import clients as client_list
    from egxds.cli.admin import admin_address

    client_list.clients(admin_address(config, admin), output)


@click.command()
@click.argument("node_id", metavar="[NODE]", required=False)
@options.daemon_config
@options.admin
def resync(node_id: str | None, config: Path | None, admin: str | None) -> None:
    """Send Envoys at once what they refused.

    For when the cause is gone, and the next try need not be waited for.
    NODE is the id of an Envoy's node; without it all are sent theirs.
    """
    from egxds.cli import resync as refused
    from egxds.cli.admin import admin_address

    refused.resync(admin_address(config, admin), node_id)
