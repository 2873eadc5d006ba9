"""Everything in Envoy's API that holds a config source, and resources with each of them in it, as JSON on stdout.

A program of its own, since it loads all of the API: what is tested with its output must not find it loaded.
"""

from __future__ import annotations

import importlib
import itertools
import json
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

import envoy
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from egxds import names
from egxds.resources.encoding import encode, pack

LISTENER = "envoy.config.listener.v3.Listener"
CLUSTER = "envoy.config.cluster.v3.Cluster"
CONFIG_SOURCE = "envoy.config.core.v3.ConfigSource"
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
MATCHED = "envoy.extensions.common.matching.v3.ExtensionWithMatcher"
SOCKET = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
NAME = "found"


def every_type() -> dict[str, Descriptor]:
    """Import Envoy's whole API and return its types by name."""
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(envoy.__path__, "envoy.")
        if module.name.endswith("_pb2")
    ]
    tops = itertools.chain.from_iterable(module.DESCRIPTOR.message_types_by_name.values() for module in modules)
    return {descriptor.full_name: descriptor for top in tops for descriptor in with_nested(top)}


def with_nested(descriptor: Descriptor) -> Iterator[Descriptor]:
    """Yield a type and the types declared inside it."""
    yield descriptor
    for nested in descriptor.nested_types:
        yield from with_nested(nested)


def content(field: FieldDescriptor) -> str:
    """Return the type of the messages that a field leads to; those in a map count as its own."""
    entry: Any = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        entry = entry.fields_by_name["value"].message_type
    return "" if entry is None else entry.full_name


def made(type_name: str) -> Any:
    """Return an empty message; a Cluster is one that may have endpoints from elsewhere."""
    message: Any = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(type_name))()
    if type_name == CLUSTER:
        message.type = message.EDS
    return message


def holding(descriptor: Descriptor, field: FieldDescriptor) -> Message:
    """Return a message with everything that it names named alike, and with a config source that is from here."""
    message = made(descriptor.full_name)
    for text in descriptor.fields:
        if text.type == FieldDescriptor.TYPE_STRING:
            json_format.ParseDict({text.name: [NAME] if text.is_repeated else NAME}, message)
    inner(message, field).ads.SetInParent()
    return message  # type: ignore[no-any-return]


def inner(message: Any, field: FieldDescriptor) -> Any:
    """Set a field of a message, and return the message that it leads to."""
    value = getattr(message, field.name)
    if field.is_repeated:
        return value.add()
    value.SetInParent()
    return value


def around(types: dict[str, Descriptor], start: str, message: Message) -> dict[str, Message]:
    """Return messages of all types with a field, or a field's field and so on, that can hold a message.

    Args:
        types: of the API.
        start: type of the message.
        message: to be put inside; it is in each of them once.

    Returns:
        The outermost type → a message of it; the message itself is among them.
    """
    found = {start: message}
    waiting = [start]
    for held in waiting:
        for name, descriptor in types.items():
            field = next((field for field in descriptor.fields if content(field) == held), None)
            if field is not None and name not in found:
                found[name] = made(name)
                inner(found[name], field).CopyFrom(found[held])
                waiting.append(name)
    return found


def listener(message: Message) -> Message:
    """Put a message behind four payloads: a matched extension in a connection manager in a listener."""
    manager, result = made(MANAGER), made(LISTENER)
    manager.http_filters.add().typed_config.CopyFrom(pack(matched(message)))
    result.filter_chains.add().filters.add().typed_config.CopyFrom(pack(manager))
    return result  # type: ignore[no-any-return]


def cluster(message: Message) -> Message:
    """Put a message behind three payloads: a matched extension in a transport socket in a cluster."""
    socket, result = made(SOCKET), made(CLUSTER)
    socket.transport_socket.typed_config.CopyFrom(pack(matched(message)))
    result.transport_socket.typed_config.CopyFrom(pack(socket))
    return result  # type: ignore[no-any-return]


def matched(message: Message) -> Message:
    """Put a message into a filter that is passed over for some requests."""
    result = made(MATCHED)
    result.extension_config.typed_config.CopyFrom(pack(message))
    return result  # type: ignore[no-any-return]


def main() -> None:
    """Print, for each field of each type that is a config source, resources that hold it, by the type around it."""
    types = every_type()
    report = {}
    for name, descriptor in types.items():
        for field in descriptor.fields:
            if content(field) == CONFIG_SOURCE:
                holders = around(types, name, holding(descriptor, field))
                report[f"{name}.{field.name}"] = {
                    around_it: [
                        (names.LISTENER, encode(listener(message)).hex()),
                        (names.CLUSTER, encode(cluster(message)).hex()),
                    ]
                    for around_it, message in holders.items()
                }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
