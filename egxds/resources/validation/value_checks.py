"""Checks of single values by the rules that Envoy's fields carry (protoc-gen-validate, `validate.FieldRules`). Pure.

A rule of a kind that no message of Envoy's API v3 uses, such as `string.email`, is left out.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import re2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from validate import validate_pb2

Check = Callable[[Any], str]
"""A value → what is wrong with it; empty where nothing is."""

_DURATION = "google.protobuf.Duration"
_WRAPPERS = "google/protobuf/wrappers.proto"
_NANOSECONDS = 10**9

# Header names and values as the validator of protoc-gen-validate has them.
_HEADER_PATTERNS = {
    validate_pb2.HTTP_HEADER_NAME: re.compile(r":?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+"),
    validate_pb2.HTTP_HEADER_VALUE: re.compile(r"[^\x00-\x08\x0A-\x1F\x7F]*"),
}
_LOOSE_HEADER_PATTERN = re.compile(r"[^\x00\x0A\x0D]*")

_COMPARISONS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "const": (operator.eq, "must be"),
    "lt": (operator.lt, "must be less than"),
    "lte": (operator.le, "must be at most"),
    "gt": (operator.gt, "must be greater than"),
    "gte": (operator.ge, "must be at least"),
    "in": (lambda value, allowed: value in allowed, "must be one of"),
    "not_in": (lambda value, refused: value not in refused, "must be none of"),
    "len": (lambda value, count: len(value) == count, "must have this many characters:"),
    "min_len": (lambda value, count: len(value) >= count, "must have at least this many characters:"),
    "max_len": (lambda value, count: len(value) <= count, "must have at most this many characters:"),
    "min_bytes": (lambda value, count: len(value.encode()) >= count, "must have at least this many bytes:"),
    "max_bytes": (lambda value, count: len(value.encode()) <= count, "must have at most this many bytes:"),
    "prefix": (str.startswith, "must start with"),
    "suffix": (str.endswith, "must end with"),
    "contains": (operator.contains, "must contain"),
    "min_items": (lambda value, count: len(value) >= count, "must have at least this many entries:"),
    "max_items": (lambda value, count: len(value) <= count, "must have at most this many entries:"),
    "min_pairs": (lambda value, count: len(value) >= count, "must have at least this many entries:"),
    "max_pairs": (lambda value, count: len(value) <= count, "must have at most this many entries:"),
    "unique": (lambda value, _: len(set(value)) == len(value), "must have no entry twice:"),
}
"""Rule → whether a value keeps it, given its argument; and how to say what it asks for, before the argument."""


def field_check(field: FieldDescriptor, rules: Any) -> Check | None:
    """Return what looks at the value of a field; nothing where any value is right.

    Args:
        field: of Envoy's API.
        rules: its `validate.FieldRules`, or those of its entries, keys or values.
    """
    kind = rules.WhichOneof("type")
    if kind is None:
        return None
    checks = tuple(_checks(field, getattr(rules, kind)))
    if not checks:
        return None

    def check(value: Any) -> str:
        plain = _plain(value)
        return next((fault for one in checks if (fault := one(plain))), "")

    return check


def _checks(field: FieldDescriptor, rules: Any) -> Iterator[Check]:
    """Yield a check for each rule of one kind."""
    may_be_empty = getattr(rules, "ignore_empty", False)
    for rule, argument in rules.ListFields():
        check = _check(field, rule.name, argument, rules)
        if check is not None:
            yield _unless_empty(check) if may_be_empty else check


def _check(field: FieldDescriptor, rule: str, argument: Any, rules: Any) -> Check | None:
    if rule == "items":
        return _each_entry(field, argument)
    if rule in ("keys", "values"):
        return _each_key_or_value(field, rule, argument)
    if rule == "defined_only" and argument:
        return _defined_only(field.enum_type)
    if rule == "well_known_regex":
        pattern = _HEADER_PATTERNS.get(argument) if rules.strict else _LOOSE_HEADER_PATTERN
        return _matching(pattern.fullmatch, pattern.pattern) if pattern else None
    if rule == "pattern":
        return _matching(re2.compile(argument).search, argument)
    return _comparison(rule, argument) if rule in _COMPARISONS else None


def _comparison(rule: str, argument: Any) -> Check:
    is_kept, words = _COMPARISONS[rule]
    wanted = _plain(argument)
    text = f"{words} {_text(argument)}"
    return lambda value: "" if is_kept(value, wanted) else text


def _matching(match: Callable[[str], object], pattern: str) -> Check:
    text = f"must match {pattern}"
    return lambda value: "" if match(value) is not None else text


def _defined_only(enum: Any) -> Check:
    defined = frozenset(enum.values_by_number)
    return lambda value: "" if value in defined else f"must be a value of {enum.full_name}"


def _each_entry(field: FieldDescriptor, rules: Any) -> Check | None:
    check = field_check(field, rules)
    if check is None:
        return None

    def check_all(values: Any) -> str:
        found = ((at, fault) for at, value in enumerate(values) if (fault := check(value)))
        return next((f"entry {at} {fault}" for at, fault in found), "")

    return check_all


def _each_key_or_value(field: FieldDescriptor, part: str, rules: Any) -> Check | None:
    entry_type: Any = field.message_type
    check = field_check(entry_type.fields_by_name[part.removesuffix("s")], rules)
    if check is None:
        return None

    def check_all(mapping: Any) -> str:
        looked_at = mapping if part == "keys" else mapping.values()
        found = (fault for one in looked_at if (fault := check(one)))
        return next((f"{part} {fault}" for fault in found), "")

    return check_all


def _unless_empty(check: Check) -> Check:
    return lambda value: check(value) if value else ""


def _plain(value: Any) -> Any:
    """Return what can be compared: of a Duration its nanoseconds, of a wrapper such as UInt32Value its value."""
    descriptor = getattr(value, "DESCRIPTOR", None)
    if not isinstance(descriptor, Descriptor):
        return value
    if descriptor.full_name == _DURATION:
        return value.seconds * _NANOSECONDS + value.nanos
    return value.value if descriptor.file.name == _WRAPPERS else value


def _text(argument: Any) -> str:
    if isinstance(getattr(argument, "DESCRIPTOR", None), Descriptor):
        return f"{_plain(argument) / _NANOSECONDS:g} s"
    return str(list(argument)) if hasattr(argument, "append") else str(argument)
