"""Commands for authors of extensions in Python."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import anyio
import click

from egxds.app.extension_server import ServedExtension, serve_extension
from egxds.cli.load import working_directory
from egxds.cli.options import TYPINGS
from egxds.cli.output import FINDINGS, USAGE, write_message
from egxds.errors import StartError
from egxds.extension.project import write_project
from egxds.extension.stub_files import write_stubs
from egxds.settings.daemon import LoggingSettings, XdsTls
from egxds.settings.extension_service import check_object_name
from egxds.telemetry import configure_logging


def new(directory: Path) -> None:
    """Write a project; say what to do next."""
    try:
        write_project(directory)
        write_stubs(directory / TYPINGS)
    except OSError as err:
        write_message(f"cannot write a project: {err}; name a directory that is empty, or not there yet")
        raise click.exceptions.Exit(USAGE) from err
    write_message(f"{directory} has hooks, settings, routes and a test; its README.md says how to go on")


def stubs(directory: Path) -> None:
    """Write type stubs; say how mypy comes to find them."""
    try:
        count = write_stubs(directory)
    except OSError as err:
        write_message(f"cannot write type stubs: {err}")
        raise click.exceptions.Exit(USAGE) from err
    write_message(f"{directory} has stubs of {count} modules; editors find {TYPINGS}/, mypy needs it in mypy_path")
    if find_spec("google-stubs") is None:
        write_message("they build on types-protobuf, which is not installed: pip install 'egxds[authors]'")


def serve(target: str, listen: str, path: list[Path], tls: XdsTls | None) -> None:
    """Serve an object until SIGTERM.

    Args:
        target: `package.module:object`.
        listen: `host:port` or `unix:/path`.
        path: directories of the code; none for the working directory.
        tls: None for plain text.
    """
    try:
        check_object_name(target)
    except ValueError as err:
        write_message(str(err))
        raise click.exceptions.Exit(USAGE) from err
    configure_logging(LoggingSettings())
    base = working_directory()
    directories = tuple(base / each for each in path) or (base,)
    served = ServedExtension(target, directories, listen, tls.below(base) if tls else None)
    try:
        anyio.run(serve_extension, served, backend_options={"use_uvloop": True})
    except StartError as err:
        write_message(str(err))
        raise click.exceptions.Exit(FINDINGS) from err


def tls_of(cert: Path | None, key: Path | None, client_ca: Path | None) -> XdsTls | None:
    """Return the files of a server that speaks TLS; None for plain text; half of it is a usage error."""
    if cert is None and key is None and client_ca is None:
        return None
    if cert is None or key is None:
        write_message("give --cert and --key together, and --client-ca beside them")
        raise click.exceptions.Exit(USAGE)
    found = {"certFile": str(cert), "keyFile": str(key), "clientCAFile": str(client_ca) if client_ca else None}
    # Clients are any that speak the extension protocol, and not Envoys alone.
    return XdsTls.model_validate({**found, "minVersion": "1.2"})
