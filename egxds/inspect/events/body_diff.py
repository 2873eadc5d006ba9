"""What has changed in a resource, as a diff of its JSON, in which secrets are redacted. Pure.

A RouteConfiguration may have megabytes of which an edit changes one virtual host. So of both sides only those entries
of a repeated field are rendered that the other side does not have, byte for byte.
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
    """Return both sides without what they have in common in repeated fields."""
    if body.before is None or body.now is None:
        return _body(body.before), _body(body.now)
    try:
        before, now = (payload(body.type_url, one.body) for one in (body.before, body.now))
    except UnreadableMessageError:
        before = now = None
    if before is None or now is None:
        return body.before.body, body.now.body
    for field in before.DESCRIPTOR.fields:
        if field.is_repeated and field.type == FieldDescriptor.TYPE_MESSAGE and map_value(field) is None:
            _drop_common(before, now, field.name)
    return before.SerializeToString(), now.SerializeToString()


def _drop_common(before: Message, now: Message, name: str) -> None:
    sides = [{one.SerializeToString(deterministic=True): one for one in getattr(each, name)} for each in (before, now)]
    for message, own, other in ((before, sides[0], sides[1]), (now, sides[1], sides[0])):
        kept = [type(one).FromString(encoded) for encoded, one in own.items() if encoded not in other]
        message.ClearField(name)
        getattr(message, name).extend(kept)


def _body(resource: VersionedResource | None) -> bytes | None:
    return resource.body if resource is not None else None
