"""The text of a settings file."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli.output import USAGE, write_message


def read_settings_text(path: Path) -> str:
    """Return what stands in the file; where it cannot be read, say so and exit 2."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as err:
        write_message(f"cannot read the settings file {path}: {err}")
        raise click.exceptions.Exit(USAGE) from err
