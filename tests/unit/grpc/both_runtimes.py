"""The same messages for betterproto2 and for protobuf's own runtime, made from the .proto files at test time."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import betterproto2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from egxds.generated import message_pool
from egxds.generated.envoy.service.status import v3 as _client_status  # noqa: F401 its messages are in the pool
from egxds.generated.envoygateway import extension as _extension  # noqa: F401 as above
from egxds.generated.grpc.health import v1 as _health  # noqa: F401 as above
from protos.generate import BETTERPROTO, PROTOS, betterproto, protoc

_HERE = Path(__file__).parent
_EVERY_TYPE = "every_type.proto"


class Pair(NamedTuple):
    """One message, as two classes."""

    better: type[betterproto2.Message]
    protobuf: Any


@cache
def pairs() -> tuple[Pair, ...]:
    """Return all messages that we speak with betterproto2."""
    return tuple(_pairs(PROTOS, BETTERPROTO, message_pool.default_message_pool))


@cache
def every_type() -> Pair:
    """Return a message with fields of every type."""
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "every_type_generated"
        target.mkdir()
        betterproto(_HERE, target, _EVERY_TYPE)
        sys.path.append(name)
        try:
            importlib.import_module("every_type_generated.tests.every_type")
            pool = importlib.import_module("every_type_generated.message_pool").default_message_pool
        finally:
            sys.path.remove(name)
    return next(pair for pair in _pairs(_HERE, (_EVERY_TYPE,), pool) if pair.better.__name__ == "EveryType")


def _pairs(directory: Path, names: tuple[str, ...], better: betterproto2.MessagePool) -> Iterator[Pair]:
    pool = descriptor_pool.DescriptorPool()
    for file in _descriptors(directory, names).file:
        pool.Add(file)
    for url, better_class in better.url_to_type.items():
        descriptor = pool.FindMessageTypeByName(url.rpartition("/")[2])
        yield Pair(better_class, message_factory.GetMessageClass(descriptor))


def _descriptors(directory: Path, names: tuple[str, ...]) -> descriptor_pb2.FileDescriptorSet:
    with tempfile.TemporaryDirectory() as target:
        path = Path(target) / "descriptors"
        protoc(f"-I{directory}", f"--descriptor_set_out={path}", *names)
        return descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())


def better_values(message: betterproto2.Message) -> dict[int, Any]:
    """Return what is in a message of betterproto2, by field number; None where a field with presence is absent."""
    found = {betterproto2.FieldMetadata.get(field).number: field.name for field in fields(message)}  # type: ignore[arg-type]
    return {number: _plain(getattr(message, name)) for number, name in found.items()}


def protobuf_values(message: Any) -> dict[int, Any]:
    """Return what is in a message of protobuf's own runtime, in the same form."""
    return {
        field.number: _plain(getattr(message, field.name))
        if field.is_repeated or not field.has_presence or message.HasField(field.name)
        else None
        for field in message.DESCRIPTOR.fields
    }


def _plain(value: Any) -> Any:
    if isinstance(value, betterproto2.Message):
        return better_values(value)
    if isinstance(value, Message):
        return protobuf_values(value)
    if value is None or isinstance(value, bool | int | str | bytes):
        return value
    return [_plain(item) for item in value]
