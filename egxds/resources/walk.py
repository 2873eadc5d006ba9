"""The one walk over a message: its fields, their lists and maps, and the payload of every `Any`. Pure.

A message of Envoy's API is a tree with two kinds of edges. Fields lead to messages whose types stand in the
descriptors: one, a list of them, or the values of a map. An `Any` leads to a message whose type stands in its type URL,
and so may be any at all; nearly everything of interest in a Listener is behind two or three of those. Its class is
loaded when it is met (`encoding.class_of`): what is found must not depend on who has imported what before.

What stops the walk:

- an `Any` of a type that is not known, such as that of an extension built into some Envoy. Nothing is found there;
- an `Any` whose bytes do not fit its type. `Walk.find` passes over it, `Walk.edit` refuses it, as Envoy does;
- untyped content: a `Struct`, also one that Envoy turns into a message later (`xds.type.v3.TypedStruct`);
- `MAX_DEPTH`. Protobuf has the same limit, but counts anew inside every `Any`. `Walk.edit` refuses what is deeper, and
  every reply of an extension goes through that (`canonical`), so that `Walk.find` meets nothing of the kind.

A walk that looks for some types leaves out the fields behind which none of them can be. That is safe because it is
decided by descriptors: a type is complete once it is loaded, its fields' types with it, so the answer for a type never
changes; and an `Any` may hold everything, so that fields that lead to one are always followed. It saves most of the
time that a walk would take, and the payload of an `Any` whose type can hold nothing wanted is not even parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from egxds.errors import UnreadableMessageError
from egxds.resources.encoding import class_of, decode, encode

ANY = "google.protobuf.Any"

Labelled = Callable[[Any], Iterator[tuple[str, Message]]]
"""Value of a field → its messages in an order of their own, each with what tells it from the others of the field."""

MAX_DEPTH = 100
"""Deepest nesting that is followed, in messages; an `Any` counts as one."""


@dataclass(frozen=True, slots=True)
class MessageField:
    """A field that leads to messages.

    Attributes:
        name: of the field.
        content: type of the messages.
        messages: value of the field → the messages, as they come.
        labelled: the same, for who has to say which of them is meant.
    """

    name: str
    content: Descriptor
    messages: Callable[[Any], Iterable[Message]]
    labelled: Labelled


@cache
def message_fields(descriptor: Descriptor) -> Mapping[int, MessageField]:
    """Return the fields of a type that lead to messages, by number."""
    fields = ((field.number, _message_field(field)) for field in descriptor.fields)
    return {number: field for number, field in fields if field is not None}


@cache
def map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """Return what the values of a map are; None for any other field. To protobuf a map is a list of entries."""
    entry = field.message_type
    return entry.fields_by_name["value"] if entry is not None and entry.GetOptions().map_entry else None


def payload(type_url: str, value: bytes) -> Message | None:
    """Return what an `Any`, or a resource, holds; None where its type is not known.

    Raises:
        UnreadableMessageError: the bytes do not fit the type.
    """
    message_class = class_of(type_url)
    return None if message_class is None else decode(message_class, value)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a walk does with the messages of one type.

    Attributes:
        is_wanted: whether they are looked for.
        is_any: whether they are payloads with a type URL.
        fields: those behind which wanted messages may be, by number.
    """

    is_wanted: bool
    is_any: bool
    fields: Mapping[int, MessageField]


class Walk:
    """Looks for the messages of some types inside others."""

    def __init__(self, *wanted: str) -> None:
        """Make a walk, to be kept: it remembers where its types can be.

        Args:
            wanted: full names of the types to look for.
        """
        self._wanted = frozenset(wanted)
        # Both by descriptor, of which there are no more than types in the API.
        self._plans: dict[Any, _Plan] = {}
        self._may_hold: dict[Any, bool] = {}

    def find(self, message: Message) -> Iterator[Message]:
        """Yield each wanted message inside a message, the outer ones first, and the message itself if it is one.

        What stands in an `Any` is a copy: to change it changes nothing.
        """
        level, depth = [message], 0
        while level and depth <= MAX_DEPTH:
            inner: list[Message] = []
            for found in level:
                plan = self._plans.get(found.DESCRIPTOR) or self._plan(found.DESCRIPTOR)
                if plan.is_wanted:
                    yield found
                if plan.is_any:
                    inner += self._unpacked(found)
                elif plan.fields:
                    inner += _children(plan, found)
            level, depth = inner, depth + 1

    def edit(self, message: Message, change: Callable[[Message], None]) -> None:
        """Change wanted messages in place, the innermost first.

        The payload of every `Any` of a known type is encoded anew, deterministically, whether anything in it was
        changed or not.

        Args:
            message: where to look.
            change: is given each wanted message.

        Raises:
            UnreadableMessageError: a payload does not fit its type, or messages are nested deeper than `MAX_DEPTH`.
        """
        self._edit(message, change, depth=0)

    def _edit(self, message: Any, change: Callable[[Message], None], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise UnreadableMessageError(f"nested deeper than {MAX_DEPTH} messages")
        plan = self._plan(message.DESCRIPTOR)
        if plan.is_any:
            inner = payload(message.type_url, message.value)
            if inner is not None:
                self._edit(inner, change, depth + 1)
                _put(inner, message)
        elif plan.fields:
            for child in _children(plan, message):
                self._edit(child, change, depth + 1)
        if plan.is_wanted:
            change(message)

    def _unpacked(self, packed: Any) -> tuple[Message, ...]:
        """Return what an `Any` holds, unless nothing can be found in it."""
        message_class = class_of(packed.type_url)
        if message_class is None or not self._can_hold(message_class.DESCRIPTOR):
            return ()
        try:
            return (decode(message_class, packed.value),)
        except UnreadableMessageError:
            return ()

    def _plan(self, descriptor: Any) -> _Plan:
        plan = self._plans.get(descriptor)
        if plan is None:
            name, fields = descriptor.full_name, message_fields(descriptor)
            followed = {number: field for number, field in fields.items() if self._can_hold(field.content)}
            plan = self._plans[descriptor] = _Plan(name in self._wanted, name == ANY, followed)
        return plan

    def _can_hold(self, root: Any) -> bool:
        """Tell whether a message of a type is wanted, or a wanted one may be anywhere inside it."""
        if root not in self._may_hold:
            self._may_hold[root] = any(item == ANY or item in self._wanted for item in _types_inside(root))
        return self._may_hold[root]


def _children(plan: _Plan, message: Message) -> Iterator[Message]:
    for field, value in message.ListFields():
        followed = plan.fields.get(field.number)
        if followed is not None:
            yield from followed.messages(value)


def _types_inside(root: Descriptor) -> Iterator[str]:
    """Yield the names of a type and of all that its fields lead to, each once; types refer to each other in rings."""
    seen = {root.full_name}
    waiting = [root]
    while waiting:
        descriptor = waiting.pop()
        yield descriptor.full_name
        new = [field.content for field in message_fields(descriptor).values() if field.content.full_name not in seen]
        seen.update(content.full_name for content in new)
        waiting += new


def _put(inner: Message, packed: Any) -> None:
    value = encode(inner)
    if value != packed.value:
        packed.value = value


def _message_field(field: FieldDescriptor) -> MessageField | None:
    value = map_value(field)
    content = field.message_type if value is None else value.message_type
    if content is None:
        return None
    if value is not None:
        return MessageField(field.name, content, _of_map, _labelled_map)
    if field.is_repeated:
        return MessageField(field.name, content, _of_list, _labelled_list)
    return MessageField(field.name, content, _of_one, _labelled_one)


def _of_one(value: Any) -> Iterable[Message]:
    return (value,)


def _of_list(values: Any) -> Iterable[Message]:
    return values  # type: ignore[no-any-return]  # a repeated field is typed by nothing


def _of_map(mapping: Any) -> Iterable[Message]:
    return mapping.values()  # type: ignore[no-any-return]


def _labelled_one(value: Any) -> Iterator[tuple[str, Message]]:
    yield "", value


def _labelled_list(values: Any) -> Iterator[tuple[str, Message]]:
    for at, value in enumerate(values):
        yield f"[{at}]", value


def _labelled_map(mapping: Any) -> Iterator[tuple[str, Message]]:
    for key in sorted(mapping):
        yield f"[{key!r}]", mapping[key]
