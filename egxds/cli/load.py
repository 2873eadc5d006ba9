"""What commands load: the settings file, or settings made up for a few paths.

Whoever loads settings uses the rooms of the daemon, and with them libraries that have something to say: it becomes log
lines, apart from what the command prints.
"""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli.output import USAGE, write_message
from egxds.cli.settings_text import settings_text
from egxds.errors import SettingsError, StartError
from egxds.settings.daemon import LoggingSettings, Settings
from egxds.settings.text import parse_settings
from egxds.telemetry import configure_logging

STANDARD_INPUT = "-"
"""The path by which a command is told to read that."""


def load_settings(path: Path) -> Settings:
    """Read the settings file; every fault is printed and ends the command with exit code 2."""
    configure_logging(LoggingSettings())
    try:
        return settings_in(path)
    except SettingsError as err:
        for problem in err.problems:
            write_message(str(problem))
        raise click.exceptions.Exit(USAGE) from err


def load_file_settings(path: Path) -> Settings:
    """Read the settings file of a command that reads files; exit 2 where its objects come from elsewhere, too."""
    settings = load_settings(path)
    _check_files(settings, path)
    return settings


def _check_files(settings: Settings, path: Path) -> None:
    try:
        _ = settings.sources.in_files
    except StartError as err:
        write_message(f"{path}: {err}")
        raise click.exceptions.Exit(USAGE) from err


def settings_in(path: Path) -> Settings:
    """Read the settings file.

    Raises:
        SettingsError: it cannot be read, or holds faults: all of them.
    """
    return parse_settings(settings_text(path), str(path))


def working_directory() -> Path:
    """Return where relative paths start from; where that is gone, say so and exit 2."""
    try:
        return Path.cwd()
    except OSError as err:
        write_message(f"the working directory cannot be used ({err.strerror}): change to another")
        raise click.exceptions.Exit(USAGE) from err


def check_there(paths: list[Path]) -> None:
    """Say which files and directories are not there, and end the command with exit code 2 where that is any."""
    missing = [path for path in paths if not path.exists()]
    for path in missing:
        write_message(f"there is no {path}")
    if missing:
        raise click.exceptions.Exit(USAGE)


def settings_for(paths: list[Path], config: Path | None) -> Settings:
    """Return settings that read these paths, with the extensions of a settings file where one is given.

    Args:
        paths: files, directories and standard input; without any, those of the settings file.
        config: the settings file; where there is none either, that is said, and the command ends with exit code 2.
    """
    configure_logging(LoggingSettings())
    base = working_directory()
    if config is None and not paths:
        write_message("name files or directories, or a settings file that does: -c egxds.yaml")
        raise click.exceptions.Exit(USAGE)
    settings = load_settings(config) if config is not None else None
    if settings is not None and config is not None and not paths:
        _check_files(settings, config)
        paths = [config.parent / path for path in settings.sources.in_files.paths]
    named = [str(path) if str(path) == STANDARD_INPUT else str(base / path) for path in paths]
    sources = {"sources": {"files": {"paths": named}}}
    made_up = Settings.model_validate(sources)
    return settings.model_copy(update={"sources": made_up.sources}) if settings is not None else made_up
