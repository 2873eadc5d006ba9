"""Has a running daemon go back to an earlier generation of the files of its machine."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import click

from egxds.cli.admin import admin_address, order
from egxds.cli.generation_names import GenerationName
from egxds.cli.output import FINDINGS, write_line, write_message
from egxds.cut_text import cut

_MOST_CHARACTERS = 200
"""Of an author, and of a message: they go in the head of a request."""


def roll_back_files(config: Path, name: GenerationName, author: str, message: str) -> None:
    """Have an earlier generation in force until a file changes; exit 1 where it is not, 3 where no daemon answers.

    Args:
        config: the settings file.
        name: of the generation.
        author: who wants it.
        message: what for.
    """
    which = {"generation": name.number} if name.number else {"back": name.back}
    said = {key: cut(text, _MOST_CHARACTERS) for key, text in (("author", author), ("message", message)) if text}
    done = order(admin_address(config, None), f"/api/v1/rollback?{urlencode({**which, **said})}")
    if done is None:
        write_message("the daemon keeps no generations of files: it was started without stateDir")
        raise click.exceptions.Exit(FINDINGS)
    if done["reason"]:
        write_message(done["reason"])
        raise click.exceptions.Exit(FINDINGS)
    number, back, standing = done["generation"], done["rolledBackTo"], done["insteadOf"]
    if standing is None:
        write_line(f"generation {number} is in force: it is what stands in the files")
    else:
        write_line(f"generation {number} is in force, with the files of {back}, until a file changes")
