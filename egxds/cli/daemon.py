"""Commands that run the daemon, or prepare an Envoy to talk to it."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import click

from egxds.app.bootstrap import bootstrap as render_bootstrap
from egxds.app.client_files import absolute, with_server_names, write_secret_files
from egxds.app.client_tls import XdsConnection
from egxds.app.daemon import Daemon
from egxds.app.envoy_arguments import as_typed, envoy_arguments
from egxds.app.file_source import FileTrees
from egxds.app.infrastructure import Infrastructure, infrastructure
from egxds.app.live_settings import SettingsFile, say_notes
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.pipeline import Build, Pipeline
from egxds.app.up import EnvoyChoice
from egxds.app.up import up as run_up
from egxds.app.zone_bootstrap import EnvoyZones, in_zone
from egxds.cli.generation_names import GenerationName
from egxds.cli.load import load_settings, settings_in
from egxds.cli.output import FINDINGS, USAGE, DataFormat, write_data, write_message
from egxds.cli.published_builds import published_builds
from egxds.errors import StartError
from egxds.files.reading.content import Scan
from egxds.settings.daemon import Settings
from egxds.settings.notes import notes_of
from egxds.telemetry import configure_logging


def one_selector(gateway: str | None, gateway_class: str | None) -> str | None:
    """Return what `node.cluster` is to be, or None where neither option is given; both is a usage error."""
    if gateway and gateway_class:
        write_message("give --gateway or --gateway-class, not both")
        raise click.exceptions.Exit(USAGE)
    if gateway and gateway.count("/") != 1:
        write_message(f"--gateway takes NAMESPACE/NAME, not {gateway!r}")
        raise click.exceptions.Exit(USAGE)
    return gateway or gateway_class


def serve(config: Path) -> None:
    """Run the daemon in the foreground."""
    settings = load_settings(config)
    configure_logging(settings.logging)
    say_notes(notes_of(settings))
    _run(Daemon(settings, SettingsFile(config, partial(settings_in, config))).run)


def up(config: Path, choice: EnvoyChoice) -> None:
    """Run the daemon and an Envoy in the foreground."""
    settings = load_settings(config)
    configure_logging(settings.logging)
    say_notes(notes_of(settings))
    _run(run_up, settings, SettingsFile(config, partial(settings_in, config)), choice)


@dataclass(frozen=True, slots=True)
class BootstrapChoice:
    """What `bootstrap` is asked for.

    Attributes:
        selector: what the Envoy serves; None where the user did not say.
        node_id: its unique name; None for the host's.
        admin_port: port of its admin page.
        connection: its way to the xDS server.
        zones: where it stands.
    """

    selector: str | None
    node_id: str | None
    admin_port: int
    connection: XdsConnection
    zones: EnvoyZones


def bootstrap(config: Path, choice: BootstrapChoice, form: DataFormat) -> None:
    """Print an Envoy bootstrap."""
    if choice.selector is None:
        write_message("say what the Envoy serves: --gateway NAMESPACE/NAME or --gateway-class NAME")
        raise click.exceptions.Exit(USAGE)
    settings = load_settings(config)
    node_id = choice.node_id or socket.gethostname()
    base = config.absolute().parent
    try:
        asked = infrastructure(_build_of(settings, config), choice.selector)
        way = _checked_way(choice.connection, settings, base)
        usual = render_bootstrap(settings, choice.selector, node_id, choice.admin_port, way, asked.metadata)
        rendered = asked.bootstrap(in_zone(usual, choice.zones))
        write_secret_files(way)
    except (StartError, LoadTooLargeError) as err:
        write_message(str(err))
        raise click.exceptions.Exit(USAGE) from err
    _say_beside(rendered, asked, settings)
    write_data(rendered, form)


def _build_of(settings: Settings, config: Path) -> Build:
    """Return what the files come to, or what is published."""
    if settings.sources.etcd is not None:
        head = GenerationName()
        return published_builds(config, (head,))[head]
    return Pipeline(settings, FileTrees(settings, config.absolute().parent)).run(Scan.ALL)


def _say_beside(rendered: Mapping[str, Any], asked: Infrastructure, settings: Settings) -> None:
    """Say what whoever starts the Envoy has to know beside its bootstrap."""
    admin_port = rendered.get("admin", {}).get("address", {}).get("socket_address", {}).get("port_value", 0)
    if admin_port not in (0, *settings.backends.envoy_admin_ports):
        write_message(
            f"backends can lead to the admin page of this Envoy: list {admin_port} in backends.envoyAdminPorts "
            "of the settings"
        )
    if asked.proxy is None:
        return
    write_message(f"start it with the arguments that {asked.proxy} asks for: {as_typed(envoy_arguments(asked.asked))}")
    shutdown = asked.asked.shutdown
    if shutdown is not None:
        write_message(
            "before it is stopped, POST /healthcheck/fail and /drain_listeners?graceful&skip_exit to its admin page, "
            f"and wait for {shutdown.min_drain_duration}, and for its connections up to {shutdown.drain_timeout}"
        )


def _checked_way(way: XdsConnection, settings: Settings, base: Path) -> XdsConnection:
    """Return a connection with the names of the server; say what it goes without."""
    if settings.xds.tls is None or way.ca_file is None:
        return way
    if way.sds_dir is None:
        write_message("the Envoy will read its certificates once, when it starts: give --sds-dir to have them renewed")
    else:
        way = absolute(way)
    try:
        return with_server_names(way, settings, base)
    except StartError as err:
        write_message(f"{err}; any certificate of --ca-file will pass for the server: give --server-name")
        return way


def _run(main: Callable[..., Awaitable[None]], *arguments: object) -> None:
    failed = False
    try:
        anyio.run(main, *arguments, backend_options={"use_uvloop": True})
    except* StartError as group:
        failed = True
        for err in _leaves(group):
            write_message(str(err))
    if failed:
        raise click.exceptions.Exit(FINDINGS)


def _leaves(group: BaseExceptionGroup[StartError]) -> Iterator[StartError]:
    for err in group.exceptions:
        if isinstance(err, BaseExceptionGroup):
            yield from _leaves(err)
        else:
            yield err
