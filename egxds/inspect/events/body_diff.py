"""What has changed in a resource, as a diff of its JSON, in which secrets are redacted. Pure.

A RouteConfiguration may have megabytes of which an edit changes one virtual host. So of both sides only those entries
of a repeated field are rendered that the other side does not have, byte for byte, and no more than can be compared.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from itertools import islice

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from egxds.errors import UnreadableMessageError
from egxds.inspect.events.kept_bodies import ChangedBody, KeptChange
from egxds.names import SHORT_NAMES
from egxds.resources.json import render_body
from egxds.resources.walk import map_value, payload
from egxds.snapshot.snapshot import VersionedResource

SHOWN_RESOURCES = 20
SHOWN_LINES = 400

COMPARED_LINES = 3000
"""Lines of one side that are compared; more would take long."""

_ENTRIES = COMPARED_LINES // 3 + 1
"""Entries of a repeated field that are rendered: one with a name has three lines or more."""

Json = dict[str, object]


def describe_change(change: KeptChange) -> Json:
    """Return what has changed, resource by resource.

    Args:
        change: the bodies before and after it.
    """
    items = [_describe(body) for body in change.bodies[:SHOWN_RESOURCES]]
    return {"gateway": change.gateway, "items": items, "omitted": len(change.bodies) - len(items)}


def _describe(body: ChangedBody) -> Json:
    before, now = _messages(body)
    sides = [_lines(body.type_url, message) for message in (before, now)]
    whole = list(islice(_diff(*(side[:COMPARED_LINES] for side in sides)), SHOWN_LINES + 1))
    is_cut = len(whole) > SHOWN_LINES or any(len(side) > COMPARED_LINES for side in sides)
    word = "added" if body.before is None else "removed" if body.now is None else "changed"
    return {
        "type": SHORT_NAMES.get(body.type_url, body.type_url),
        "name": body.name,
        "change": word,
        "versions": [one.version if one is not None else "" for one in (body.before, body.now)],
        "diff": whole[:SHOWN_LINES],
        "note": _note(whole, is_cut=is_cut),
    }


def _note(lines: list[str], *, is_cut: bool) -> str:
    if is_cut:
        return "this is the beginning of it"
    return "" if lines else "it differs in what is not shown here, such as a secret"


def _diff(before: list[str], now: list[str]) -> Iterator[str]:
    lines = difflib.unified_diff(before, now, lineterm="")
    return islice(lines, 2, None)  # without the names of files


def _lines(type_url: str, body: bytes | None) -> list[str]:
    return json.dumps(render_body(type_url, body), indent=1).splitlines() if body is not None else []


def _messages(body: ChangedBody) -> tuple[bytes | None, bytes | None]:
    """Return both sides without what they have in common in repeated fields, and with the first entries of the rest."""
    sides = (body.before, body.now)
    try:
        before, now = (payload(body.type_url, one.body) if one is not None else None for one in sides)
    except UnreadableMessageError:
        before = now = None
    for name in _repeated(before if before is not None else now):
        _drop_common(before, now, name)
    return _body(body.before, before), _body(body.now, now)


def _repeated(message: Message | None) -> list[str]:
    """Return the repeated fields of a message that have messages as entries."""
    fields = message.DESCRIPTOR.fields if message is not None else ()
    return [
        field.name
        for field in fields
        if field.is_repeated and field.type == FieldDescriptor.TYPE_MESSAGE and map_value(field) is None
    ]


def _drop_common(before: Message | None, now: Message | None, name: str) -> None:
    sides = [_entries(each, name) for each in (before, now)]
    for message, own, other in ((before, sides[0], sides[1]), (now, sides[1], sides[0])):
        if message is not None:
            differing = ((encoded, one) for encoded, one in own.items() if encoded not in other)
            kept = [type(one).FromString(encoded) for encoded, one in islice(differing, _ENTRIES)]
            message.ClearField(name)
            getattr(message, name).extend(kept)


def _entries(message: Message | None, name: str) -> dict[bytes, Message]:
    entries = getattr(message, name) if message is not None else ()
    return {one.SerializeToString(deterministic=True): one for one in entries}


def _body(resource: VersionedResource | None, read: Message | None) -> bytes | None:
    """Return what is shown of a resource: what was read of it; all, where that is nothing."""
    if resource is None:
        return None
    return read.SerializeToString() if read is not None else resource.body
