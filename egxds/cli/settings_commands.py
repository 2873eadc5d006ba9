"""The arguments of the commands about the settings file itself."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.output import DataFormat


@click.command()
@options.config
@options.data_output
def settings(config: Path, output: DataFormat) -> None:
    """Print the settings in force, defaults included.

    They are as a settings file of egxds has them, also where the file is one of Envoy Gateway. Relative paths start, as
    ever, from the directory of the file.
    """
    from egxds.cli.settings import print_settings

    print_settings(config, output)


@click.command()
def schema() -> None:
    """Print the JSON schema of the settings file, by which an editor completes and checks it.

    Save it beside the file, and name it in the file's first line: # yaml-language-server: $schema=egxds.schema.json
    """
    from egxds.cli.settings import print_schema

    print_schema()
