"""The arguments of the commands for authors of extensions in Python."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options


@click.group(no_args_is_help=True)
def extension() -> None:
    """For authors of extensions in Python."""


@extension.command()
@click.argument("directory", metavar="DIR", type=options.FILE)
def new(directory: Path) -> None:
    """Write a project to start from.

    It has hooks, settings, routes, a test and type stubs. DIR is empty, or not there yet.
    """
    from egxds.cli import extension as authoring

    authoring.new(directory)


@extension.command()
@click.argument("directory", metavar="[DIR]", type=options.FILE, default=options.TYPINGS)
def stubs(directory: Path) -> None:
    """Write type stubs of Envoy's messages, for editors and mypy.

    They go to DIR; editors look for typings/, where they go without it.
    """
    from egxds.cli import extension as authoring

    authoring.stubs(directory)


@extension.command()
@click.argument("target", metavar="MODULE:OBJECT")
@click.option("--listen", metavar="ADDRESS", required=True, help="HOST:PORT, or unix:PATH.")
@click.option(
    "--path",
    type=options.FILE,
    multiple=True,
    help="A directory of the code, may be repeated; else the working directory.",
)
@click.option("--cert", type=options.FILE, help="Speak TLS: the certificate chain.")
@click.option("--key", type=options.FILE, help="The key of that certificate.")
@click.option("--client-ca", type=options.FILE, help="Ask clients for a certificate, and check it with these.")
def serve(
    target: str, listen: str, path: tuple[Path, ...], cert: Path | None, key: Path | None, client_ca: Path | None
) -> None:
    """Serve the hooks of an object over gRPC.

    To egxds or to Envoy Gateway, until SIGTERM. MODULE:OBJECT is written as in service.python of the settings.
    """
    from egxds.cli import extension as authoring

    authoring.serve(target, listen, list(path), authoring.tls_of(cert, key, client_ca))
