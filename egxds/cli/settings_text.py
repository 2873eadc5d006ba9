"""The text of a settings file."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli.output import USAGE, write_message

_MOST_CHARACTERS = 4 * 1024 * 1024
"""A path may lead to something without an end, such as a device."""


def read_settings_text(path: Path) -> str:
    """Return what stands in the file; where it cannot be read, say so and exit 2."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except (OSError, ValueError) as err:
        write_message(f"cannot read the settings file {path}: {err}")
        raise click.exceptions.Exit(USAGE) from err
    if len(text) > _MOST_CHARACTERS:
        write_message(f"the settings file {path} has more than {_MOST_CHARACTERS} characters: name another")
        raise click.exceptions.Exit(USAGE)
    return text
