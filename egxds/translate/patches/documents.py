"""A resource as the JSON that patches are written for, and back. Pure.

It is protobuf's own mapping with the names of the .proto files, as Envoy Gateway has it. What comes back is read as a
reply of a hook is: what Envoy would refuse is refused here.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from egxds import names
from egxds.cut_text import cut
from egxds.errors import UnreadableMessageError
from egxds.resources.encoding import class_of, decode, encode
from egxds.resources.lent_sources import lend_sources
from egxds.resources.reading import UnusableResourceError, read_resource, read_route_configurations
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.walk import Walk
from egxds.translate.patches.failure import PatchError
from egxds.translate.patches.operations import Document

_SHOWN_CHARACTERS = 300
_PAYLOADS = Walk()
_NAME_FIELDS = {names.ENDPOINT: "cluster_name"}
Patched = Resource | RouteConfiguration


def document_of(type_url: str, body: bytes) -> Document:
    """Return an encoded resource as JSON.

    Raises:
        PatchError: something inside is of a type that is not known.
    """
    message = decode(_class(type_url), body)
    # The types of what is inside are known from here on.
    _PAYLOADS.edit(message, _leave)
    try:
        return json_format.MessageToDict(message, preserving_proto_field_name=True)
    except TypeError as err:
        raise PatchError(f"has something inside of a type that is not known: {err}") from err


def name_in(type_url: str, document: Document) -> str:
    """Return the name of the resource that a document is; empty where it says none."""
    field = _NAME_FIELDS.get(type_url, "name")
    said = document.get(field, document.get("clusterName")) if isinstance(document, dict) else None
    return said if isinstance(said, str) else ""


def resource_of(type_url: str, name: str, document: Document) -> Patched:
    """Return the resource that a document is, without sources.

    Args:
        type_url: of the resource.
        name: that it is to have.
        document: as JSON has it.

    Raises:
        PatchError: it is none, or none that Envoy would take.
    """
    body = encode(_message(type_url, document))
    read: Patched
    try:
        if type_url == names.ROUTE_CONFIGURATION:
            read = read_route_configurations((body,), frozenset())[0][0]
        else:
            read = read_resource(type_url, body, frozenset())
    except (UnusableResourceError, UnreadableMessageError) as err:
        raise PatchError(str(err)) from err
    if read.name != name:
        raise PatchError(f"is named {read.name!r} after it; a patch cannot rename what others refer to")
    return read


def with_sources(patched: RouteConfiguration, before: RouteConfiguration) -> RouteConfiguration:
    """Return a patched RouteConfiguration with what is known of its parts; what is the same is that of before.

    Raises:
        PatchError: the patch changes what answers for traffic that is nobody's, or closed.
    """
    lent = lend_sources(patched, before)
    known = before.virtual_hosts.by_name
    for name in names.FIXED_VIRTUAL_HOSTS & known.keys():
        if name not in lent.virtual_hosts.by_name or lent.virtual_hosts.by_name[name].body != known[name].body:
            raise PatchError(f"changes virtual host {name}, which answers for what is closed, or nobody's")
    hosts = {host.name: host for host in lent.virtual_hosts if host != known.get(host.name)}
    gone = known.keys() - lent.virtual_hosts.by_name.keys()
    return RouteConfiguration(lent.name, lent.head, before.virtual_hosts.edited(hosts, gone), sources=before.sources)


def _message(type_url: str, document: Document) -> Message:
    _know_types(document)
    message = _class(type_url)()
    try:
        json_format.ParseDict(document, message)
    except (json_format.ParseError, TypeError, ValueError, AttributeError) as err:
        # What a Secret holds, or was to hold, is quoted by no message.
        said = "" if type_url == names.SECRET else f": {cut(str(err).partition(chr(10))[0], _SHOWN_CHARACTERS)}"
        raise PatchError(f"is no {names.SHORT_NAMES[type_url]} after it{said}") from err
    return message


def _class(type_url: str) -> type[Message]:
    found = class_of(type_url)
    if found is None:
        raise PatchError(f"{type_url} is not known")
    return found


def _know_types(value: Any) -> None:
    """Import the types that a document names, without which protobuf does not find them."""
    if isinstance(value, dict):
        said = value.get("@type")
        if isinstance(said, str):
            class_of(said)
        for below in value.values():
            _know_types(below)
    elif isinstance(value, list):
        for below in value:
            _know_types(below)


def _leave(_message: Message) -> None:
    """Change nothing."""
