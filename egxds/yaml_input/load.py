"""YAML as plain values that know their lines. Cellar, pure: the settings and the model room load through it.

The text is untrusted: 50,000 nested `[` overflow the stack of libyaml's composer, and aliases make 40 MB of 340 bytes.
So only the parser of libyaml is used, and its events go to `egxds.yaml_input.builder`, which keeps the limits.
Scalars mean what `egxds.yaml_input.scalars` says: `no` is a string.
"""

from __future__ import annotations

import re

import yaml

from egxds.errors import YamlRefused
from egxds.yaml_input.builder import DocumentBuilder, LocatedMapping, LocatedSequence, YamlLimits

__all__ = ["LIMITS", "LocatedMapping", "LocatedSequence", "YamlLimits", "line_at", "load"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)


LIMITS = YamlLimits()


def load(text: str, first_line: int = 1, limits: YamlLimits = LIMITS) -> object:
    """Turn one YAML document into None, bool, int, float, str, LocatedMapping and LocatedSequence.

    Args:
        text: at most one document; its separator may be there or not.
        first_line: line of the file that the text starts on.
        limits: what is refused as too much.

    Returns:
        The value; None for a text that holds none. What an alias repeats is the same object each time.

    Raises:
        YamlRefused: the text is not YAML, holds a second document, or uses what is not taken: duplicate keys, keys
            that are not strings, merge keys, tags other than the core schema's.
    """
    data = _encode(text, first_line, limits)
    builder = DocumentBuilder(first_line, limits)
    try:
        return builder.build(_LOADER(data).get_event)
    except yaml.MarkedYAMLError as err:
        raise _refusal(err, text, first_line, limits) from err


def line_at(value: object, path: tuple[str | int, ...]) -> int:
    """Find the line of what a path leads to, as far as the path can be followed.

    Args:
        value: what `load` returned.
        path: keys and indexes; parts that lead nowhere, such as a validator's own, are passed over.

    Returns:
        The line; 0 where the value is a bare scalar.
    """
    line = value.line if isinstance(value, LocatedMapping | LocatedSequence) else 0
    for part in path:
        found = _step(value, part)
        if found:
            line, value = found
    return line


def _step(value: object, part: str | int) -> tuple[int, object] | None:
    if isinstance(value, LocatedMapping) and isinstance(part, str) and part in value:
        return value.lines[part], value[part]
    if isinstance(value, LocatedSequence) and isinstance(part, int) and 0 <= part < len(value):
        return value.lines[part], value[part]
    return None


def _encode(text: str, first_line: int, limits: YamlLimits) -> bytes:
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        line = first_line + text.count("\n", 0, unprintable.start())
        raise YamlRefused(f"the character U+{ord(unprintable[0]):04X} is not allowed in YAML: remove it", line)
    data = text.encode()
    if len(data) > limits.bytes:
        raise YamlRefused(f"{len(data)} bytes are too many: at most {limits.bytes} are read", first_line)
    directive = _TAG_DIRECTIVE.search(text)
    if directive:  # libyaml compares each with all before it, and no tag that it could name is taken anyway
        raise YamlRefused("%TAG is not supported: remove it", first_line + text.count("\n", 0, directive.start()))
    return data


def _refusal(err: yaml.MarkedYAMLError, text: str, first_line: int, limits: YamlLimits) -> YamlRefused:
    # libyaml scans a flow collection ahead of its events and, as of 0.2.6, stops at a depth of its own.
    if err.problem_mark is not None and "nesting depth" in (err.problem or ""):
        return limits.too_deep(err.problem_mark.line + first_line)
    return _syntax_refusal(err, text, first_line)


def _syntax_refusal(err: yaml.MarkedYAMLError, text: str, first_line: int) -> YamlRefused:
    last_line = text.rstrip().count("\n")
    at, since = err.problem_mark, err.context_mark
    start = min(since.line, last_line) if since else 0
    found = at.line if at and at.line <= last_line else start  # what is never closed is looked for where it starts
    context = f" {err.context}" if err.context else ""
    if context and start != found:
        context += f" that starts on line {start + first_line}"
    advice = "; indent with spaces, not tabs" if at and _is_tab(text, at.line, at.column) else ""
    return YamlRefused(f"not valid YAML: {err.problem}{context}{advice}", found + first_line)


def _is_tab(text: str, line: int, column: int) -> bool:
    lines = text.splitlines()
    return line < len(lines) and lines[line][column : column + 1] == "\t"
