"""Paths as patterns of what Envoy compares: the path with any query behind it. Pure."""

from __future__ import annotations

import re

_QUERY = r"(?:[?#].*)?"


def path_pattern(type_: str, value: str) -> str:
    """Return the pattern of a path with any query behind it.

    Args:
        type_: `Exact`, `PathPrefix`, which ends at a path element, or `RegularExpression`.
        value: the path, its start, or a pattern of it.
    """
    if type_ == "RegularExpression":
        # An end that was meant for the path is not one of the text here.
        pattern = f"(?:{value.removesuffix('$')})"
    elif type_ == "Exact":
        pattern = re.escape(value)
    else:
        pattern = f"{re.escape(value.rstrip('/'))}(?:/[^?#]*)?"
    return pattern + _QUERY
