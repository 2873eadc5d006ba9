"""An extension in Python as a server of its own, for egxds or for Envoy Gateway. Awaits, loads code.

Certificates are read again for a new connection where their files are others, and on SIGHUP. On SIGTERM and SIGINT
health says NOT_SERVING, and the server ends.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio

from egxds.errors import StartError
from egxds.extension.asking import FunctionAsker
from egxds.extension.forms import FORMS
from egxds.extension.functions import defined_functions, form_of
from egxds.extension.loading import NotLoadedError, load_object, own_files
from egxds.extension.server import ExtensionServer, ServerLimits
from egxds.settings.daemon import XdsTls
from egxds.settings.extensions import Hook
from egxds.telemetry import log, take_loggers
from egxds.wire.grpc.tls import ServerTls, TlsNames
from egxds.wire.listen import BoundSocket, bind, warn_if_open

_LISTEN = "--listen"
_FILES = TlsNames("--cert, --key", "--client-ca")
_OPEN = "whoever reaches it can ask the hooks, and read what they answer: give --cert, --key and --client-ca"


@dataclass(frozen=True, slots=True)
class ServedExtension:
    """What is served, and where.

    Attributes:
        target: `package.module:object`.
        path: directories in which the package is looked for.
        listen: `host:port` or `unix:/path`.
        tls: certificate, key, and what clients' certificates are checked with; None for plain text.
    """

    target: str
    path: tuple[Path, ...]
    listen: str
    tls: XdsTls | None


async def serve_extension(served: ServedExtension) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        served: what, and where.

    Raises:
        StartError: the object cannot be loaded or defines no hook, the address cannot be bound, a file cannot be used.
    """
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        asker = _asker(served)
        tls = ServerTls(served.tls, _FILES) if served.tls else None
        bound = await bind(_LISTEN, served.listen)
        server = ExtensionServer(asker, ServerLimits())
        try:
            await server.listen(bound.socket, tls.context if tls else None)
            _say(served, bound)
            await _until_stopped(signals, tls)
            server.stop_serving()
        finally:
            await server.aclose()
            asker.close()
            await bound.remove_file()
    log.info("app.stopped")


def _asker(served: ServedExtension) -> FunctionAsker:
    try:
        functions = defined_functions(load_object(served.target, served.path))
    except (StartError, NotLoadedError) as err:
        raise StartError(f"{served.target}: {err}") from err
    if not functions:
        forms = ", ".join(f"`{form_of(hook)}`" for hook in Hook)
        raise StartError(f"{served.target}: defines no hook: there are {forms}")
    log.info("app.started", extension=served.target, hooks=[FORMS[hook].function for hook in functions])
    take_loggers(served.target.partition(":")[0].partition(".")[0])
    files = own_files(served.target, served.path)
    return FunctionAsker(functions, f"hooks of {served.target}", files, _tell)


def _tell(_err: BaseException, message: str, traceback: str) -> None:
    log.warning("hook.raised", error=message, traceback=traceback)


def _say(served: ServedExtension, bound: BoundSocket) -> None:
    log.info("app.listening", extension=str(bound.address), tls=served.tls is not None)
    if served.tls is None or served.tls.client_ca_file is None:
        warn_if_open(_LISTEN, bound.address, _OPEN)


async def _until_stopped(signals: AsyncIterator[signal.Signals], tls: ServerTls | None) -> None:
    async for number in signals:
        if number is not signal.SIGHUP:
            log.info("app.stopping", signal=number.name)
            return
        if tls is not None:
            tls.reload()
