"""Looks at a state that was read from a file before it is held: a right checksum does not make right content. Pure.

What is held is served without asking anybody, and rooms that get it take it for what hooks have accepted. So what would
surprise them, or Envoy, is found here, and the state is not used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from google.protobuf.message import Message

from egxds import names
from egxds.errors import UnreadableMessageError
from egxds.hooks.policy.saved_state import SavedState
from egxds.resources.canonical import canonical
from egxds.resources.encoding import class_of, decode
from egxds.resources.resource import Resource
from egxds.sealed_records import UnreadableStateError

_NAME_FIELDS = {names.ENDPOINT: "cluster_name"}
"""Where it is another than `name`."""


def check_state(state: SavedState) -> None:
    """Look at all of a state.

    Raises:
        UnreadableStateError: it cannot be what hooks have accepted; the message says why.
    """
    if state.gateway.count("/") != 1:
        raise UnreadableStateError(f"it is of no Gateway: {state.gateway!r}")
    if not all(map(math.isfinite, state.failing_since.values())):
        raise UnreadableStateError("it says of an extension that it fails since a time that there is not")
    for resource in dict.fromkeys(_resources(state)):
        _check(resource)


def _resources(state: SavedState) -> Iterator[Resource]:
    for group in (state.accepted.resources or {}).values():
        yield from group.values()
    for part in state.accepted.parts.values():
        yield part.resource


def _check(resource: Resource) -> None:
    word = names.SHORT_NAMES[resource.type_url]
    try:
        message = _read(resource)
    except UnreadableMessageError as err:
        raise UnreadableStateError(f"the {word} {resource.name!r} in it does not parse: {err}") from err
    if getattr(message, _NAME_FIELDS.get(resource.type_url, "name")) != resource.name:
        raise UnreadableStateError(f"the {word} {resource.name!r} in it has another name")


def _read(resource: Resource) -> Message:
    message_class = class_of(resource.type_url)
    if message_class is None:
        raise UnreadableMessageError("unknown type")
    # Also what is within an `Any`.
    return decode(message_class, canonical(message_class, resource.body))
