"""The regular expressions that Envoy takes: RE2. Cellar, pure."""

from __future__ import annotations

import string

import re2


def _quiet_options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


_RE2_OPTIONS = _quiet_options()
_PLAIN = string.ascii_letters + string.digits + "/_-"
"""Characters that stand for themselves in every pattern."""


def check_regex(value: str) -> str:
    """Accept what Envoy's regular expressions accept.

    Raises:
        ValueError: it is not RE2 syntax; the text says where.
    """
    try:
        re2.compile(value, _RE2_OPTIONS)
    except re2.error as err:
        raise ValueError(f"is not a regular expression in RE2 syntax: {_text(err)}") from err
    return value


def group_count(value: str) -> int:
    """Return how many groups a regular expression has that Envoy accepts."""
    return int(re2.compile(value, _RE2_OPTIONS).groups)


def literal_start(value: str) -> str:
    """Return what every text must start with that a pattern may have been meant to match; empty where it is unknown.

    Args:
        value: the pattern, which may be none.
    """
    if "|" in value:
        return ""
    start = value[: len(value) - len(value.lstrip(_PLAIN))]
    return start[:-1] if value[len(start) : len(start) + 1] in ("*", "?", "{") else start


def _text(err: Exception) -> str:
    reason = err.args[0] if err.args else "unknown"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
