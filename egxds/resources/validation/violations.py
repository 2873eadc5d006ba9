"""Finds out whether Envoy would refuse a message for what stands in it. Pure.

It looks at each message by itself, those within an `Any` of a known type included, and those that a `TypedStruct`
stands for. Whether messages fit each other is another matter: see `egxds.hooks.plan.dangling_references` for
references, and `addresses` beside this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import any_pb2, json_format
from google.protobuf.message import Message

from egxds.errors import UnreadableMessageError
from egxds.resources.encoding import class_of
from egxds.resources.validation.contents import CONTENTS
from egxds.resources.validation.extension_places import TYPED_STRUCTS, needs_type, type_fault, type_name
from egxds.resources.validation.field_rules import MessageRules, rules_of
from egxds.resources.walk import MAX_DEPTH, payload


def violations(message: Message, path: str = "", allowed: frozenset[str] = frozenset()) -> Iterator[str]:
    """Say what Envoy would refuse a message for.

    Args:
        message: any message of Envoy's API.
        path: what leads to it, with a dot at the end.
        allowed: names of the types that the user's Envoy has beyond those that are known.

    Yields:
        Path and rule of each violation, such as `routes[0].match: must be set`.

    Raises:
        UnreadableMessageError: the payload of an `Any` does not fit its type, or messages are nested deeper than
            `walk.MAX_DEPTH`.
    """
    yield from _violations(message, path, 0, allowed)


def _violations(message: Message, path: str, depth: int, allowed: frozenset[str]) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise UnreadableMessageError(f"nested deeper than {MAX_DEPTH} messages")
    if isinstance(message, any_pb2.Any):
        inner = payload(message.type_url, message.value)
        if inner is not None:
            yield from _violations(inner, path, depth + 1, allowed)
        return
    rules = rules_of(message.DESCRIPTOR)
    fields = {field.name: value for field, value in message.ListFields()}
    yield from _own_violations(rules, fields, path)
    if needs_type(message):
        yield f"{path}typed_config: must be set; Envoy finds no extension by its name"
    if look := CONTENTS.get(message.DESCRIPTOR.full_name):
        yield from (f"{path}{fault}" for fault in look(message))
    if message.DESCRIPTOR.full_name in TYPED_STRUCTS:
        yield from _of_typed_struct(message, path, depth, allowed)
        return
    for name, value in fields.items():
        children = rules.children.get(name)
        for label, child in children(value) if children else ():
            yield from _of_child((message, name), child, f"{path}{name}{label}", depth, allowed)


def _of_child(
    place: tuple[Message, str], child: Message, path: str, depth: int, allowed: frozenset[str]
) -> Iterator[str]:
    """Look at a message in a field, and at the type of an extension.

    Args:
        place: the message around it, and the name of the field.
        child: what is in the field.
        path: what leads to it.
        depth: of the message around it.
        allowed: types beyond those that are known.
    """
    if isinstance(child, any_pb2.Any):
        name = type_name(child)
        if name in TYPED_STRUCTS and (inner := payload(child.type_url, child.value)) is not None:
            name = type_name(inner)
        if fault := type_fault(*place, name, allowed):
            yield f"{path}: {fault}"
            return
    yield from _violations(child, f"{path}.", depth + 1, allowed)


def _of_typed_struct(message: Any, path: str, depth: int, allowed: frozenset[str]) -> Iterator[str]:
    """Look at settings that are written as a JSON object, as the message that they stand for."""
    message_class = class_of(message.type_url)
    if message_class is None:
        return
    try:
        inner = json_format.ParseDict(json_format.MessageToDict(message.value), message_class())
    except (json_format.Error, ValueError):
        yield f"{path}value: does not fit its type, {type_name(message)}"
        return
    yield from _violations(inner, f"{path}value.", depth + 1, allowed)


def _own_violations(rules: MessageRules, fields: Mapping[str, Any], path: str) -> Iterator[str]:
    """Look at a message without what is in the messages inside it.

    Args:
        rules: of its type.
        fields: those that are set.
        path: what leads to it.
    """
    for name, fault in rules.needed.items():
        if name not in fields:
            yield f"{path}{name}: {fault}"
    for name, choices in rules.oneofs.items():
        if fields.keys().isdisjoint(choices):
            yield f"{path}{name}: one of {', '.join(choices)} must be set"
    for name, value in fields.items():
        check = rules.checks.get(name)
        if check is not None and (fault := check(value)):
            yield f"{path}{name}: {fault}"
