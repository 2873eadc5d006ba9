"""`egxds up`: the daemon, and an Envoy beside it that lives and ends with it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from egxds.app.bootstrap import bootstrap
from egxds.app.client_files import absolute, with_server_names, write_secret_files
from egxds.app.client_tls import XdsConnection
from egxds.app.daemon import Daemon
from egxds.app.envoy import EnvoyRun, find_envoy, run_envoy
from egxds.app.envoy_arguments import envoy_arguments
from egxds.app.envoy_drain import Drain
from egxds.app.infrastructure import Infrastructure, infrastructure
from egxds.app.live_settings import SettingsFile
from egxds.app.zone_bootstrap import EnvoyZones, in_zone
from egxds.errors import StartError
from egxds.settings.daemon import Settings
from egxds.settings.envoys import EnvoySettings
from egxds.telemetry import log


@dataclass(frozen=True, slots=True)
class EnvoyChoice:
    """Which Envoy `up` runs, and for what.

    Attributes:
        binary: where it is; None for that of the extra `egxds[envoy]`.
        selector: what it serves; None for the one GatewayClass that the files use.
        admin_port: port of its admin page on 127.0.0.1; 0 takes a free one, which is not closed to backends, and not
            asked how the Envoy finds them.
        connection: its certificates, where the xDS server asks for them.
        zones: where it stands.
    """

    binary: Path | None
    selector: str | None
    admin_port: int
    connection: XdsConnection | None = None
    zones: EnvoyZones = field(default_factory=EnvoyZones)


async def up(settings: Settings, file: SettingsFile, choice: EnvoyChoice) -> None:
    """Serve until SIGTERM or SIGINT, with an Envoy beside.

    Args:
        settings: as for the daemon.
        file: where they stand, to be read again.
        choice: which Envoy.

    Raises:
        StartError: the daemon or the Envoy cannot start, or the Envoy ended by itself.
    """
    binary = find_envoy(choice.binary)

    def adapted(settings: Settings) -> Settings:
        return _with_admin_page(settings, choice.admin_port)

    daemon = Daemon(adapted(settings), replace(file, read=lambda: adapted(file.read())))
    with _certificates(choice.connection, settings, file.base) as way:

        def render(selector: str, asked: Infrastructure) -> EnvoyRun:
            node_id = socket.gethostname()
            usual = bootstrap(settings, selector, node_id, choice.admin_port, way, asked.metadata)
            return _run_as_asked(in_zone(usual, choice.zones), asked, choice.admin_port)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run_beside, daemon, binary, choice.selector, render, name="envoy")
            await daemon.run()
            tasks.cancel_scope.cancel()


@contextmanager
def _certificates(given: XdsConnection | None, settings: Settings, base: Path) -> Iterator[XdsConnection | None]:
    """Have the Envoy check the server's names, and read its own certificates again when they change."""
    if given is None or given.ca_file is None or settings.xds.tls is None:
        yield given
        return
    with TemporaryDirectory(prefix="egxds-envoy-") as directory:
        way = absolute(replace(with_server_names(given, settings, base), sds_dir=Path(directory)))
        write_secret_files(way)
        yield way


def _with_admin_page(settings: Settings, admin_port: int) -> Settings:
    """Return settings by which this Envoy is asked by its admin page, and no backend leads there."""
    if not admin_port:
        return settings
    closed = {"envoy_admin_ports": (*settings.backends.envoy_admin_ports, admin_port)}
    envoys = (*settings.envoys, EnvoySettings(admin=f"127.0.0.1:{admin_port}"))
    return settings.model_copy(update={"backends": settings.backends.model_copy(update=closed), "envoys": envoys})


async def _run_beside(
    daemon: Daemon, binary: Path, selector: str | None, render: Callable[[str, Infrastructure], EnvoyRun]
) -> None:
    await daemon.ready.wait()
    chosen = selector or await _only_class(daemon)
    run = render(chosen, infrastructure(daemon.build, chosen) if daemon.build is not None else Infrastructure())
    log.info("app.envoy_starting", binary=str(binary), serves=chosen, arguments=list(run.arguments))
    ended = await run_envoy(binary, run)
    raise StartError(f"Envoy ended by itself ({ended}); its last lines above say why")


def _run_as_asked(usual: dict[str, object], asked: Infrastructure, admin_port: int) -> EnvoyRun:
    """Return how the Envoy starts and ends.

    A bootstrap that cannot be is told, and the usual one takes its place: without an Envoy nothing would be served.
    """
    try:
        made = asked.bootstrap(usual)
        _check_admin_page(made, asked, admin_port)
    except StartError as err:
        log.error("app.envoy_bootstrap_refused", error=str(err))
        made = asked.usual(usual)
    shutdown = asked.asked.shutdown
    drain = Drain.of(f"127.0.0.1:{admin_port}", shutdown) if shutdown is not None and admin_port else None
    return EnvoyRun(made, envoy_arguments(asked.asked), drain)


def _check_admin_page(made: Mapping[str, Any], asked: Infrastructure, admin_port: int) -> None:
    """Check that the admin page is where nothing but it is expected: no backend leads there, and it is asked.

    Raises:
        StartError: it is elsewhere.
    """
    address = made.get("admin", {}).get("address", {}).get("socket_address", {})
    said = address.get("address"), address.get("port_value", 0)
    if said != ("127.0.0.1", admin_port):
        raise StartError(
            f"{asked.proxy}: spec.bootstrap: the admin page is to stay at 127.0.0.1:{admin_port}, where no backend may "
            "lead; say another port by --envoy-admin-port"
        )


def _classes(daemon: Daemon) -> frozenset[str]:
    """Return the names of the classes that our Gateways have now."""
    translations = daemon.build.translations.values() if daemon.build is not None else ()
    return frozenset(translation.class_name for translation in translations)


async def _only_class(daemon: Daemon) -> str:
    """Return the GatewayClass of the files, as soon as they have a Gateway."""
    while not (classes := _classes(daemon)):
        await daemon.next_build()
    if len(classes) > 1:
        listed = ", ".join(sorted(classes))
        raise StartError(f"the files have Gateways of several classes ({listed}): say --gateway or --gateway-class")
    return next(iter(classes))
