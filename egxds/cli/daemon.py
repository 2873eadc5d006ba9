"""Commands that run the daemon, or prepare an Envoy to talk to it."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from egxds.app.bootstrap import XdsConnection
from egxds.app.bootstrap import bootstrap as render_bootstrap
from egxds.app.daemon import Daemon
from egxds.app.infrastructure import node_metadata
from egxds.app.up import EnvoyChoice
from egxds.app.up import up as run_up
from egxds.cli.load import load_settings
from egxds.cli.output import FINDINGS, USAGE, DataFormat, write_data, write_message
from egxds.errors import StartError
from egxds.settings.daemon import Settings
from egxds.settings.notes import notes_of
from egxds.telemetry import configure_logging, log


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
    _log_notes(settings)
    _run(Daemon(settings, config.absolute().parent).run)


def up(config: Path, choice: EnvoyChoice) -> None:
    """Run the daemon and an Envoy in the foreground."""
    settings = load_settings(config)
    configure_logging(settings.logging)
    _log_notes(settings)
    _run(run_up, settings, config.absolute().parent, choice)


@dataclass(frozen=True, slots=True)
class BootstrapChoice:
    """What `bootstrap` is asked for.

    Attributes:
        selector: what the Envoy serves; None where the user did not say.
        node_id: its unique name; None for the host's.
        admin_port: port of its admin page.
        connection: its way to the xDS server.
    """

    selector: str | None
    node_id: str | None
    admin_port: int
    connection: XdsConnection


def bootstrap(config: Path, choice: BootstrapChoice, form: DataFormat) -> None:
    """Print an Envoy bootstrap."""
    if choice.selector is None:
        write_message("say what the Envoy serves: --gateway NAMESPACE/NAME or --gateway-class NAME")
        raise click.exceptions.Exit(USAGE)
    settings = load_settings(config)
    node_id = choice.node_id or socket.gethostname()
    try:
        metadata = node_metadata(settings, config.absolute().parent, choice.selector)
        rendered = render_bootstrap(settings, choice.selector, node_id, choice.admin_port, choice.connection, metadata)
    except StartError as err:
        write_message(str(err))
        raise click.exceptions.Exit(USAGE) from err
    if choice.admin_port not in (0, *settings.backends.envoy_admin_ports):
        write_message(
            f"backends can lead to the admin page of this Envoy: list {choice.admin_port} in backends.envoyAdminPorts "
            "of the settings"
        )
    write_data(rendered, form)


def _log_notes(settings: Settings) -> None:
    for note in notes_of(settings):
        log.warning("settings.note", key=note.key, note=note.message)


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
