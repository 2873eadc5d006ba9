"""The arguments of the commands that ask a running daemon."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.options import FleetScope, ResourceKind
from egxds.cli.output import ListForm


@click.command()
@options.daemon_config
@options.admin
@options.list_output
@options.fleet_scope
def clients(config: Path | None, admin: str | None, output: ListForm, scope: FleetScope) -> None:
    """List the connected Envoys.

    What each was sent, took and refused; exit 1 while one refuses something. Where several replicas follow what is
    published, those of all: which replica each is connected to, and how it stands there; exit 1, too, while etcd
    cannot be asked for those of others.
    """
    from egxds.cli import clients as client_list
    from egxds.cli.admin import admin_address

    client_list.clients(admin_address(config, admin), output, scope)


@click.command()
@click.argument("node_id", metavar="[NODE]", required=False)
@options.daemon_config
@options.admin
def resync(node_id: str | None, config: Path | None, admin: str | None) -> None:
    """Send Envoys at once what they refused.

    For when the cause is gone, and the next try need not be waited for. What is rolled back for a refusal is
    tried, too.
    NODE is the id of an Envoy's node; without it all are sent theirs.
    """
    from egxds.cli import resync as refused
    from egxds.cli.admin import admin_address

    refused.resync(admin_address(config, admin), node_id)


@click.command("follow-store")
@options.daemon_config
@options.admin
def follow_store(config: Path | None, admin: str | None) -> None:
    """Follow what etcd holds though it has gone back in time.

    For when it was restored from a backup, or its endpoints lead to another cluster, and what it holds is meant
    to be served all the same. Nothing happens where it has not gone back.
    """
    from egxds.cli import follow_store as gone_back
    from egxds.cli.admin import admin_address

    gone_back.follow_store(admin_address(config, admin))


@click.command()
@click.argument("name", required=False)
@options.resource_kind
@options.daemon_config
@options.admin
@click.option(
    "-o",
    "--output",
    type=click.Choice(ListForm, case_sensitive=False),
    default=ListForm.YAML,
    help="YAML where not said; a table is without the bodies.",
)
def dump(name: str | None, kind: ResourceKind, config: Path | None, admin: str | None, output: ListForm) -> None:
    """Print the resources that Envoys are served.

    After all hooks, with the files that they come from; secrets are redacted. NAME is the whole name of a resource, as
    default/web/http; exit 1 where none is called so.
    """
    from egxds.cli import dump as served
    from egxds.cli.admin import admin_address

    served.dump(admin_address(config, admin), kind, name, output)


@click.command()
@options.daemon_config
@options.admin
def healthcheck(config: Path | None, admin: str | None) -> None:
    """Say whether the daemon is ready, for a container's health check.

    Exit 0 where an Envoy would be served, 1 where it would not yet, and 3 where no daemon answers.
    """
    from egxds.cli import healthcheck as check
    from egxds.cli.admin import admin_address

    check.healthcheck(admin_address(config, admin))
