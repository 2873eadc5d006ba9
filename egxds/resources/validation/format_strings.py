"""The format strings of Envoy's logs and headers: `%REQ(a)%`, `%%`. Pure.

Seen with Envoy 1.40: one that cannot be read is refused with the whole RouteConfiguration or Listener around it, and a
`%COALESCE(1)%` ends the Envoy. Which command takes what is in `format_commands`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from egxds.resources.validation.format_commands import COMMANDS

_COMMAND = re.compile(r"%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]{1,18}))?%")
_ESCAPED = "%%"


def format_fault(text: str, *, has_formatters: bool = False) -> str:
    """Say what Envoy would refuse a format string for; empty where it takes it.

    Args:
        text: the format string.
        has_formatters: whether extensions beside it add commands of their own.
    """
    position = text.find("%")
    while position >= 0:
        if text.startswith(_ESCAPED, position):
            position = text.find("%", position + len(_ESCAPED))
            continue
        found = _COMMAND.match(text, position)
        if found is None:
            return f"no command can be read at character {position + 1}; a percent sign itself is written %%"
        fault = _command_fault(found, has_formatters=has_formatters)
        if fault:
            return fault
        position = text.find("%", found.end())
    return ""


def struct_faults(struct: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with the format strings in a JSON object, at any depth.

    Args:
        struct: a `google.protobuf.Struct`.
        path: what leads to it.
    """
    for key in sorted(struct.fields):
        yield from value_faults(struct.fields[key], f"{path}[{key!r}]")


def value_faults(value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with the format strings in a `google.protobuf.Value`."""
    kind = value.WhichOneof("kind")
    if kind == "string_value" and (fault := format_fault(value.string_value)):
        yield f"{path}: {fault}"
    elif kind == "struct_value":
        yield from struct_faults(value.struct_value, path)
    elif kind == "list_value":
        for at, each in enumerate(value.list_value.values):
            yield from value_faults(each, f"{path}[{at}]")


def _command_fault(found: re.Match[str], *, has_formatters: bool) -> str:
    name, argument, length = found.groups()
    command = COMMANDS.get(name)
    if command is None:
        return "" if has_formatters else f"%{name}% is no command of Envoy's"
    if argument and not command.takes_argument:
        return f"%{name}% takes nothing in parentheses"
    if length is not None and not command.takes_length:
        return f"%{name}% takes no length"
    if not argument and command.needs_argument:
        return f"%{name}(…)% needs something in its parentheses"
    fault = command.check(argument) if argument else ""
    return f"%{name}(…)%: {fault}" if fault else ""
