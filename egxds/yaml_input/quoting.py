"""Whether a message about a text may quote from it. Cellar, pure.

What cannot be read as YAML may be a Secret all the same, or a file that was never meant for egxds, such as a link to
/etc/shadow: a name that an alias gives, a tag or a key is then as good as a password. So a text is quoted only where it
says clearly that it is something else: an object of a group that has no Secrets, or settings. Of the core group any
object may be one, misspelt; and nothing is quoted from a text in which a word for a secret stands anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Quote = Callable[[str], str]
"""Part of a message that quotes → the same, or nothing where nothing may be quoted."""

_SHOWN_CHARACTERS = 60
_API_VERSION = re.compile(r"""apiVersion["']?\s*:\s*["']?([^\s"',}]*)""")
_WITH_A_GROUP = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+/v[a-z0-9]+")
_KIND = re.compile(r"""kind["']?\s*:\s*["']?[A-Z][A-Za-z]+""")
_OF_SETTINGS = re.compile(r"^(sources|controllerName|extensionManagers?):", re.MULTILINE)
_SECRET_WORD = re.compile(r"secret|stringdata|passw|token|credential|private|\\[ux]", re.IGNORECASE)


def quote_of(text: str) -> Quote:
    """Return what quotes from a text, which is looked at once something is quoted."""
    return lambda quoted: shortened(quoted) if is_quotable(text) else ""


def is_quotable(text: str) -> bool:
    """Tell whether a text says clearly that it holds no secret."""
    if _SECRET_WORD.search(text):
        return False
    versions = _API_VERSION.findall(text)
    if not versions:
        return _OF_SETTINGS.search(text) is not None
    return _KIND.search(text) is not None and all(map(_WITH_A_GROUP.fullmatch, versions))


def shortened(text: str) -> str:
    """Return the start of a text that is too long for a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
