"""Envoy's rules for its own messages, read from their descriptors. Pure.

Every field of Envoy's API carries what its values must be, and Envoy refuses a resource that breaks one of these rules.
Here they become functions, once for each type of message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from validate import validate_pb2

from egxds.resources.validation.value_checks import Check, field_check
from egxds.resources.walk import ANY, Labelled, message_fields

_REMEMBERED_TYPES = 1024
_GOOGLE = "google.protobuf"
_DURATION = f"{_GOOGLE}.Duration"


@dataclass(frozen=True, slots=True)
class MessageRules:
    """What Envoy asks of one type of message.

    Attributes:
        needed: fields that must be set, some because their default is not allowed: name → what is said without.
        oneofs: groups of fields of which one must be set: name → its fields.
        checks: what looks at the value of a field that is set: name → check.
        children: fields that lead to messages to be looked into: name → how to go through them.
    """

    needed: Mapping[str, str]
    oneofs: Mapping[str, tuple[str, ...]]
    checks: Mapping[str, Check]
    children: Mapping[str, Labelled]


@lru_cache(maxsize=_REMEMBERED_TYPES)
def rules_of(descriptor: Descriptor) -> MessageRules:
    """Return the rules of a type of message."""
    ruled = {field: _rules(field) for field in descriptor.fields if field.GetOptions().HasExtension(validate_pb2.rules)}
    checks = {field: check for field, rules in ruled.items() if (check := field_check(field, rules)) is not None}
    required = {field.name: "must be set" for field, rules in ruled.items() if _is_required(field, rules)}
    return MessageRules(
        needed=required | _fields_without_default(checks),
        oneofs={
            oneof.name: tuple(field.name for field in oneof.fields)
            for oneof in descriptor.oneofs
            if oneof.GetOptions().Extensions[validate_pb2.required]
        },
        checks={field.name: check for field, check in checks.items()},
        children={
            field.name: field.labelled
            for number, field in message_fields(descriptor).items()
            if _may_have_rules(field.content) and not _rules(descriptor.fields_by_number[number]).message.skip
        },
    )


def _fields_without_default(checks: Mapping[FieldDescriptor, Check]) -> dict[str, str]:
    """Return the fields that cannot be told from unset ones when they have their default, and must not: name → why."""
    found = (
        (field, check([] if field.is_repeated else field.default_value))
        for field, check in checks.items()
        if not field.has_presence
    )
    return {field.name: fault for field, fault in found if fault}


def _may_have_rules(content: Descriptor) -> bool:
    return content.file.package != _GOOGLE or content.full_name in (ANY, _DURATION)


def _rules(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[validate_pb2.rules]


def _is_required(field: FieldDescriptor, rules: Any) -> bool:
    if field.containing_oneof is not None:  # set or not chosen
        return False
    return any((rules.message.required, rules.any.required, rules.duration.required, rules.timestamp.required))
