"""The arguments of the commands that run a daemon, or prepare an Envoy for one."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.imports import lasting
from egxds.cli.output import DataFormat


@click.command()
@options.config
def serve(config: Path) -> None:
    """Serve the watched files to Envoy until SIGTERM."""
    with lasting():
        from egxds.cli import daemon

    daemon.serve(config)


@click.command()
@options.config
@click.option("--envoy", type=options.FILE, help="The Envoy binary; else that of egxds[envoy].")
@options.gateway
@options.gateway_class
@options.envoy_admin_port
@options.zone
@options.other_zones
@options.ca_file
@options.cert_file
@options.key_file
def up(
    config: Path,
    envoy: Path | None,
    gateway: str | None,
    gateway_class: str | None,
    envoy_admin_port: int,
    zone: str,
    other_zones: tuple[str, ...],
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
) -> None:
    """Serve, and run an Envoy beside it."""
    with lasting():
        from egxds.app.client_tls import XdsConnection
        from egxds.app.up import EnvoyChoice
        from egxds.app.zone_bootstrap import EnvoyZones
        from egxds.cli import daemon

    connection = XdsConnection((), ca_file, cert_file, key_file)
    selector = daemon.one_selector(gateway, gateway_class)
    daemon.up(config, EnvoyChoice(envoy, selector, envoy_admin_port, connection, EnvoyZones(zone, other_zones)))


@click.command()
@options.config
@options.gateway
@options.gateway_class
@click.option("--node-id", metavar="ID", help="Unique name of the Envoy; else the host's.")
@options.envoy_admin_port
@options.zone
@options.other_zones
@click.option(
    "--xds-address",
    "xds_addresses",
    metavar="ADDRESS",
    multiple=True,
    help="Where the Envoy finds egxds, if not at xds.address; several, given again, are replicas of one another.",
)
@options.ca_file
@options.cert_file
@options.key_file
@options.server_name
@options.sds_dir
@options.data_output
def bootstrap(
    config: Path,
    gateway: str | None,
    gateway_class: str | None,
    node_id: str | None,
    envoy_admin_port: int,
    zone: str,
    other_zones: tuple[str, ...],
    xds_addresses: tuple[str, ...],
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
    server_name: tuple[str, ...],
    sds_dir: Path | None,
    output: DataFormat,
) -> None:
    """Print the bootstrap with which an Envoy of your own connects."""
    with lasting():
        from egxds.app.client_tls import XdsConnection
        from egxds.app.zone_bootstrap import EnvoyZones
        from egxds.cli import daemon

    connection = XdsConnection(xds_addresses, ca_file, cert_file, key_file, server_name, sds_dir)
    selector = daemon.one_selector(gateway, gateway_class)
    zones = EnvoyZones(zone, other_zones)
    daemon.bootstrap(config, daemon.BootstrapChoice(selector, node_id, envoy_admin_port, connection, zones), output)
