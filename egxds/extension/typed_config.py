"""Reads and writes an Any: how Envoy's messages carry others, mostly as `typed_config`. Pure; for users.

    typed_config(Router())                                   an Any with the message in it
    read_config(filter.typed_config, HttpConnectionManager)  the message in an Any

What is read is a copy: it is changed, and written back with `filter.typed_config.CopyFrom(typed_config(…))`.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from egxds.resources.encoding import pack

MessageT = TypeVar("MessageT", bound=Message)


def typed_config(message: Message) -> Any:
    """Return an Any with a message in it; equal messages have equal bytes.

    Args:
        message: any message of Envoy's; one that is in an Any already is wrapped once more.
    """
    return pack(message)


def read_config(packed: Any, expected: type[MessageT]) -> MessageT:
    """Return the message in an Any.

    Args:
        packed: such as the `typed_config` of a filter.
        expected: the class of the message.

    Raises:
        TypeError: there is another message in it, or none.
    """
    message = expected()
    if not packed.Unpack(message):
        held = packed.type_url.rpartition("/")[2] or "nothing"
        raise TypeError(f"the Any holds {held} and not {expected.DESCRIPTOR.full_name}")
    return message


def holds(packed: Any, expected: type[Message]) -> bool:
    """Tell whether the message in an Any is of a class."""
    return packed.type_url.rpartition("/")[2] == expected.DESCRIPTOR.full_name
