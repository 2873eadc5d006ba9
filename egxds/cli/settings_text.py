"""The text of a settings file."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli.output import USAGE, write_message
from egxds.errors import SettingsError
from egxds.problems import Location, error

_MOST_CHARACTERS = 4 * 1024 * 1024
"""A path may lead to something without an end, such as a device."""


def settings_text(path: Path) -> str:
    """Return what stands in the file.

    Raises:
        SettingsError: it cannot be read, or is too long for a settings file.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except (OSError, ValueError) as err:
        reason = (isinstance(err, OSError) and err.strerror) or str(err)
        raise SettingsError((error(Location(str(path), 0), f"the settings file cannot be read: {reason}"),)) from err
    if len(text) > _MOST_CHARACTERS:
        message = f"the settings file has more than {_MOST_CHARACTERS} characters: name another"
        raise SettingsError((error(Location(str(path), 0), message),))
    return text


def read_settings_text(path: Path) -> str:
    """Return what stands in the file; where it cannot be read, say so and exit 2."""
    try:
        return settings_text(path)
    except SettingsError as err:
        for problem in err.problems:
            write_message(str(problem))
        raise click.exceptions.Exit(USAGE) from err
