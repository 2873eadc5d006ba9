"""The commands about the settings file itself."""

from __future__ import annotations

from pathlib import Path

from egxds.cli.load import load_settings
from egxds.cli.output import DataFormat, write_data, write_message
from egxds.settings.in_force import in_force
from egxds.settings.notes import notes_of
from egxds.settings.schema import settings_schema


def print_settings(config: Path, form: DataFormat) -> None:
    """Print the settings that a file comes to; what is to be said of it goes to standard error."""
    settings = load_settings(config)
    for note in notes_of(settings):
        write_message(f"{config}: warning: {note}")
    write_data(in_force(settings), form)


def print_schema() -> None:
    """Print the JSON schema of the settings file."""
    write_data(settings_schema(), DataFormat.JSON)
