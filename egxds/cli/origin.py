"""Who does something to what is published, when, and from what."""

from __future__ import annotations

import getpass
import socket
from datetime import UTC, datetime
from pathlib import Path

from egxds.cli.git_revision import git_revision
from egxds.published.record import Origin


def origin_of(author: str | None, message: str, paths: list[Path]) -> Origin:
    """Return where a generation comes from.

    Args:
        author: who wants it; None for whoever runs the command.
        message: what for.
        paths: the files, if any are published.
    """
    revisions = dict.fromkeys(filter(None, map(git_revision, paths)))
    return Origin(author or whoever(), datetime.now(UTC), ", ".join(revisions), message)


def whoever() -> str:
    """Return who runs the command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name; which of the two depends on the version of Python
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
