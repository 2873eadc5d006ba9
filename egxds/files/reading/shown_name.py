"""File names as text for people. Pure.

A name is any bytes but `/` and NUL. Raw, it could move the cursor of a terminal, forge a line of a log, or be no text
at all; and of two files that are shown under one name, one would hide the other.
"""

from __future__ import annotations

import os


def shown_name(path: str) -> str:
    """Return a path with escapes for what cannot be shown, and for backslashes: another one for each path.

    Args:
        path: as Python has it, with surrogates for bytes that are no UTF-8.
    """
    return path if path.isprintable() and "\\" not in path else "".join(map(_shown, path))


def _shown(character: str) -> str:
    if character != "\\" and character.isprintable():
        return character
    is_byte = "\udc80" <= character <= "\udcff"
    return os.fsencode(character).decode("ascii", "backslashreplace") if is_byte else ascii(character)[1:-1]
