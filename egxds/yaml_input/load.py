"""YAML and JSON as plain values that know their lines. Cellar, pure: the settings and the model room load through it.

The text is untrusted: 50,000 nested `[` overflow the stack of libyaml's composer, and aliases make 40 MB of 340 bytes.
So only the parser of libyaml is used, and its events go to `egxds.yaml_input.builder`, which keeps the limits.
Scalars mean what `egxds.yaml_input.scalars` says: `no` is a string. JSON that libyaml does not read, or not as JSON,
goes the same way from another source of events (`egxds.yaml_input.json_text`).

Some of what is not taken keeps nothing else from being read: a key that stands there twice, a tag. Whoever needs all of
the text loads it, and has it refused; whoever first wants to know what it is about reads it, and is told of the faults.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import yaml

from egxds.errors import YamlRefused
from egxds.yaml_input.builder import (
    DocumentBuilder,
    LocatedMapping,
    LocatedSequence,
    LocatedStream,
    YamlFault,
    YamlLimits,
)
from egxds.yaml_input.json_text import json_events, json_values
from egxds.yaml_input.quoting import quote_of

__all__ = ["LIMITS", "Loaded", "LocatedMapping", "LocatedSequence", "YamlLimits", "line_at", "load", "read"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)


_OTHER_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON takes in a string as it is, and YAML as a line break or not at all."""
_TEMPLATE = re.compile(r"\{\{-? *[.#a-z]")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


LIMITS = YamlLimits()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a text says.

    Attributes:
        value: None, bool, int, float, str, LocatedMapping or LocatedSequence; None for a text that holds none. What an
            alias repeats is the same object each time.
        faults: what is not taken of it, in the order of the text: duplicate keys, keys that are not scalars, tags other
            than the core schema's. The value is a guess where one stands.
    """

    value: object
    faults: tuple[YamlFault, ...]


def load(text: str, first_line: int = 1, limits: YamlLimits = LIMITS) -> object:
    """Turn one YAML document, or JSON, into a value all of which is taken.

    Args:
        text: at most one document of YAML, its separator may be there or not; or JSON, of which several values make a
            LocatedStream.
        first_line: line of the file that the text starts on.
        limits: what is refused as too much.

    Raises:
        YamlRefused: the text is not YAML, holds a second document, or has a fault.
    """
    loaded = read(text, first_line, limits)
    if loaded.faults:
        raise YamlRefused(loaded.faults[0].message, loaded.faults[0].line)
    return loaded.value


def read(text: str, first_line: int = 1, limits: YamlLimits = LIMITS) -> Loaded:
    """Turn one YAML document, or JSON, into a value and what is not taken of it; takes what `load` takes.

    Raises:
        YamlRefused: the text is not YAML, holds a second document, or is too much.
    """
    _check_size(text, first_line, limits)
    # libyaml is four times as fast, so it has the first try at what it reads as JSON does.
    if _OTHER_IN_JSON.search(text) and (values := json_values(text)).is_all:
        return _read_json(text, values.places, first_line, limits)
    try:
        return _read_yaml(text, first_line, limits)
    except yaml.MarkedYAMLError as err:
        return _read_otherwise(text, first_line, limits, err)


def _read_otherwise(text: str, first_line: int, limits: YamlLimits, err: yaml.MarkedYAMLError) -> Loaded:
    """Read what is no YAML: as JSON, or as YAML in which JSON wrote one character as two escapes."""
    values = json_values(text)
    if values.is_all:
        return _read_json(text, values.places, first_line, limits)
    if values.places:
        line = first_line + text.count("\n", 0, values.fault_at)
        raise YamlRefused(f"not valid JSON: {values.fault}", line) from err
    joined = _PAIR.sub(lambda found: json.loads(f'"{found[0]}"'), text) if _is_about_escapes(err) else text
    if joined == text:
        raise _refusal(err, text, first_line, limits) from err
    return read(joined, first_line, limits)


def _read_json(text: str, places: tuple[tuple[int, int], ...], first_line: int, limits: YamlLimits) -> Loaded:
    builder, stream = DocumentBuilder(first_line, limits, quote_of(text)), LocatedStream(first_line)
    line, counted = 0, 0
    for start, end in places:
        line += text.count("\n", counted, start)
        counted = start
        stream.append(builder.build(json_events(text, (start, end), line)))
        stream.lines.append(line + first_line)
    return Loaded(stream if len(stream) > 1 else stream[0], tuple(builder.faults))


def _read_yaml(text: str, first_line: int, limits: YamlLimits) -> Loaded:
    builder = DocumentBuilder(first_line, limits, quote_of(text))
    value = builder.build(iter(_LOADER(_encode(text, first_line)).get_event, None))
    return Loaded(value, tuple(builder.faults))


def _is_about_escapes(err: yaml.MarkedYAMLError) -> bool:
    """Tell whether libyaml stopped at an escape, which may be the first half of a character that JSON wrote as two."""
    return "Unicode character escape" in (err.problem or "")


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


def _check_size(text: str, first_line: int, limits: YamlLimits) -> None:
    size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    if size > limits.bytes:
        raise YamlRefused(f"{size} bytes are too many: at most {limits.bytes} are read", first_line)


def _encode(text: str, first_line: int) -> bytes:
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        line = first_line + text.count("\n", 0, unprintable.start())
        which = quote_of(text)(f" U+{ord(unprintable[0]):04X}")
        raise YamlRefused(f"the character{which} is not allowed in YAML: remove it", line)
    directive = _TAG_DIRECTIVE.search(text)
    if directive:  # libyaml compares each with all before it, and no tag that it could name is taken anyway
        raise YamlRefused("%TAG is not supported: remove it", first_line + text.count("\n", 0, directive.start()))
    return text.encode()


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
    if _TEMPLATE.search(text):
        advice = "; {{ is a template's: put here what the template is rendered to"
    return YamlRefused(f"not valid YAML: {err.problem}{context}{advice}", found + first_line)


def _is_tab(text: str, line: int, column: int) -> bool:
    lines = text.splitlines()
    return line < len(lines) and lines[line][column : column + 1] == "\t"
