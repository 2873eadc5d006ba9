"""The arguments of the commands that need files, and no daemon."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.imports import lasting
from egxds.cli.options import EnvoyBinary, FindingsForm, ResourceKind, Strictness
from egxds.cli.output import DataFormat


@click.command()
@options.paths
@options.maybe_config
@click.option("--strict", is_flag=True, help="Warnings are findings too.")
@click.option("--envoy", is_flag=True, help="Ask an Envoy, too, what it takes: that of egxds[envoy].")
@click.option("--envoy-binary", type=options.FILE, help="Ask this one.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(FindingsForm, case_sensitive=False),
    default=FindingsForm.TABLE,
    help="The form of what is printed; a line for each problem where not said.",
)
def validate(
    paths: tuple[Path, ...],
    config: Path | None,
    strict: bool,
    envoy: bool,
    envoy_binary: Path | None,
    output: FindingsForm,
) -> None:
    """Check files as the daemon would read them.

    Every problem is printed with its file and line; exit 1 where one is an error.

    PATHS are YAML files or directories, and - standard input; without any, those of the settings file.
    """
    with lasting():
        from egxds.cli import validate as checking

    binary = EnvoyBinary(envoy_binary) if envoy or envoy_binary else None
    strictness = Strictness.WARNINGS if strict else Strictness.ERRORS
    checking.validate(list(paths), config, strictness, binary, output)


@click.command()
@options.paths
@options.maybe_config
@options.resource_kind
@click.option("--status", is_flag=True, help="The status of the objects in their place.")
@options.data_output
def translate(
    paths: tuple[Path, ...], config: Path | None, kind: ResourceKind, status: bool, output: DataFormat
) -> None:
    """Print the Envoy resources that files come to.

    They are as before any hook; secrets are redacted. Exit 1 where a file has an error.

    PATHS are YAML files or directories, and - standard input; without any, those of the settings file.
    """
    with lasting():
        from egxds.cli import offline

    if status:
        offline.status(list(paths), config, output)
    else:
        offline.translate(list(paths), config, kind, output)
