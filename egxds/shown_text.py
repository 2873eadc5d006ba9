"""What somebody else wrote, as text for people's terminals. Pure.

A name is any bytes but `/` and NUL to a file system, and any string to YAML or to an Envoy. Raw, it could move the
cursor of a terminal, forge a line of a log, show its letters in another order (U+202E), hide some (U+200B), or be no
text at all. So what is not printable is written as an escape, as Python has it: controls of C0 and C1, formats,
surrogates, line and paragraph separators, spaces but the common one.
"""

from __future__ import annotations

import os


def shown(text: str) -> str:
    """Return a text in one line, with escapes for what cannot be shown."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def shown_lines(text: str) -> str:
    """Return a text of several lines likewise; its line breaks have to be ours."""
    return "\n".join(map(shown, text.split("\n")))


def shown_name(path: str) -> str:
    """Return a path with escapes for what cannot be shown, and for backslashes: another one for each path.

    Of two files that are shown under one name, one would hide the other.

    Args:
        path: as Python has it, with surrogates for bytes that are no UTF-8.
    """
    return shown(path.replace("\\", r"\\"))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":  # a byte that is no text
        return os.fsencode(character).decode("ascii", "backslashreplace")
    # Not \x85, which is a byte.
    return f"\\u{ord(character):04x}" if "\x80" <= character <= "\xff" else ascii(character)[1:-1]
