"""`egxds up`: the daemon, and an Envoy beside it that lives and ends with it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio

from egxds.app.bootstrap import XdsConnection, bootstrap
from egxds.app.daemon import Daemon
from egxds.app.envoy import find_envoy, run_envoy
from egxds.app.infrastructure import node_metadata
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
    """

    binary: Path | None
    selector: str | None
    admin_port: int
    connection: XdsConnection | None = None


async def up(settings: Settings, base: Path, choice: EnvoyChoice) -> None:
    """Serve until SIGTERM or SIGINT, with an Envoy beside.

    Args:
        settings: as for the daemon.
        base: directory that relative paths of the settings start from.
        choice: which Envoy.

    Raises:
        StartError: the daemon or the Envoy cannot start, or the Envoy ended by itself.
    """
    binary = find_envoy(choice.binary)
    metadata = node_metadata(settings, base, choice.selector or "")
    daemon = Daemon(_with_admin_page(settings, choice.admin_port), base)

    def render(selector: str) -> dict[str, object]:
        return bootstrap(settings, selector, socket.gethostname(), choice.admin_port, choice.connection, metadata)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_run_beside, daemon, binary, choice.selector, render, name="envoy")
        await daemon.run()
        tasks.cancel_scope.cancel()


def _with_admin_page(settings: Settings, admin_port: int) -> Settings:
    """Return settings by which this Envoy is asked by its admin page, and no backend leads there."""
    if not admin_port:
        return settings
    closed = {"envoy_admin_ports": (*settings.backends.envoy_admin_ports, admin_port)}
    envoys = (*settings.envoys, EnvoySettings(admin=f"127.0.0.1:{admin_port}"))
    return settings.model_copy(update={"backends": settings.backends.model_copy(update=closed), "envoys": envoys})


async def _run_beside(
    daemon: Daemon, binary: Path, selector: str | None, render: Callable[[str], dict[str, object]]
) -> None:
    await daemon.ready.wait()
    chosen = selector or await _only_class(daemon)
    log.info("app.envoy_starting", binary=str(binary), serves=chosen)
    ended = await run_envoy(binary, render(chosen))
    raise StartError(f"Envoy ended by itself ({ended}); its last lines above say why")


async def _only_class(daemon: Daemon) -> str:
    """Return the GatewayClass of the files, as soon as they have a Gateway."""
    while not (classes := daemon.gateway_classes()):
        await daemon.next_build()
    if len(classes) > 1:
        listed = ", ".join(sorted(classes))
        raise StartError(f"the files have Gateways of several classes ({listed}): say --gateway or --gateway-class")
    return next(iter(classes))
