"""Finds out whether Envoy would refuse a message for what stands in it. Pure.

It looks at each message by itself, those within an `Any` of a known type included. Whether messages fit each other
is another matter: see `egxds.hooks.plan.dangling_references` for references, and `addresses` beside this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import any_pb2
from google.protobuf.message import Message

from egxds.errors import UnreadableMessageError
from egxds.resources.validation.contents import CONTENTS
from egxds.resources.validation.field_rules import MessageRules, rules_of
from egxds.resources.walk import MAX_DEPTH, payload


def violations(message: Message, path: str = "") -> Iterator[str]:
    """Say what Envoy would refuse a message for.

    Args:
        message: any message of Envoy's API.
        path: what leads to it, with a dot at the end.

    Yields:
        Path and rule of each violation, such as `routes[0].match: must be set`.

    Raises:
        UnreadableMessageError: the payload of an `Any` does not fit its type, or messages are nested deeper than
            `walk.MAX_DEPTH`.
    """
    yield from _violations(message, path, depth=0)


def _violations(message: Message, path: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise UnreadableMessageError(f"nested deeper than {MAX_DEPTH} messages")
    if isinstance(message, any_pb2.Any):
        inner = payload(message.type_url, message.value)
        if inner is not None:
            yield from _violations(inner, path, depth + 1)
        return
    rules = rules_of(message.DESCRIPTOR)
    fields = {field.name: value for field, value in message.ListFields()}
    yield from _own_violations(rules, fields, path)
    if look := CONTENTS.get(message.DESCRIPTOR.full_name):
        yield from (f"{path}{fault}" for fault in look(message))
    for name, value in fields.items():
        children = rules.children.get(name)
        for label, child in children(value) if children else ():
            yield from _violations(child, f"{path}{name}{label}.", depth + 1)


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
