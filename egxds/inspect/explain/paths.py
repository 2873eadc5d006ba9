"""What becomes of a path before routes look at it: the settings of Envoy's connection manager. Pure.

Envoy first deals with escaped slashes, then resolves `.` and `..` and writes escapes in one way, then merges slashes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_ESCAPED_SLASH = re.compile(r"%(?:2[fF]|5[cC])")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_SLASHES = re.compile(r"//+")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_BAD_REQUEST = 400
_TEMPORARY_REDIRECT = 307


@dataclass(frozen=True, slots=True)
class SeenPath:
    """A path as routes see it.

    Attributes:
        path: with its query.
        status: that is answered before any route is looked at; None where one is.
    """

    path: str
    status: int | None = None


def seen_path(asked: str, manager: Any) -> SeenPath:
    """Return what a connection manager makes of a path.

    Args:
        asked: path and query.
        manager: its HttpConnectionManager message.
    """
    path, mark, query = asked.partition("?")
    action = type(manager).PathWithEscapedSlashesAction.Name(manager.path_with_escaped_slashes_action)
    if _ESCAPED_SLASH.search(path):
        if action == "REJECT_REQUEST":
            return SeenPath(asked, _BAD_REQUEST)
        if action in ("UNESCAPE_AND_FORWARD", "UNESCAPE_AND_REDIRECT"):
            path = _ESCAPED_SLASH.sub(lambda found: "/" if found[0].lower() == "%2f" else "\\", path)
    status = _TEMPORARY_REDIRECT if action == "UNESCAPE_AND_REDIRECT" and path != asked.partition("?")[0] else None
    if manager.normalize_path.value:
        path = _resolved(path)
    if manager.merge_slashes:
        path = _SLASHES.sub("/", path)
    return SeenPath(f"{path}{mark}{query}", status)


def _resolved(path: str) -> str:
    """Resolve the dots of a path, and undo escapes of what needs none."""
    plain = _ESCAPE.sub(lambda found: _unescaped(found[0], chr(int(found[1], 16))), path).replace("\\", "/")
    kept: list[str] = []
    elements = plain.split("/")[1:]
    for element in elements:
        if element == "..":
            del kept[-1:]
        elif element != ".":
            kept.append(element)
    if elements and elements[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _unescaped(escape: str, character: str) -> str:
    return character if character in _PLAIN else escape
