r"""Files of this machine as paths of a generation, and back. Pure.

A file is known by its name relative to the settings file, or by its whole path, and by escapes for what cannot be
shown. In a generation stand paths below one directory. What is no such path gets a part that starts with `%`:

    routes/shop.yaml       routes/shop.yaml
    /etc/shop.yaml         %/etc/shop.yaml
    ../shop.yaml           %2e%2e/shop.yaml
    100%.yaml              100%25.yaml
    a\x07.yaml             a%5cx07.yaml
"""

from __future__ import annotations

import re

_ROOT = "%"
_ESCAPED = re.compile(r"[%\\]")
_ESCAPE = re.compile("%([0-9a-f]{2})")
_DOTS = {"": "%2f", ".": "%2e", "..": "%2e%2e"}
"""Parts that lead elsewhere; an empty one stands between two slashes."""


def published_path(name: str) -> str:
    """Return the path that a file of this machine has in a generation."""
    root, parts = ([_ROOT], name[1:].split("/")) if name.startswith("/") else ([], name.split("/"))
    return "/".join((*root, *map(_escaped, parts)))


def local_name(path: str) -> str:
    """Return the name of the file that has a path in a generation."""
    head, slash, rest = path.partition("/")
    parts = (rest if slash and head == _ROOT else path).split("/")
    name = "/".join("" if part == _DOTS[""] else _ESCAPE.sub(_character, part) for part in parts)
    return f"/{name}" if slash and head == _ROOT else name


def _escaped(part: str) -> str:
    return _DOTS.get(part) or _ESCAPED.sub(lambda found: f"%{ord(found[0]):02x}", part)


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))
