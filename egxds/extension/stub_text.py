"""Type stubs of Envoy's messages, from their descriptors: the text of one module. Pure.

The classes of `xds-protos` are made when they are imported, so that an editor completes nothing in them and mypy takes
every misspelt field. What a stub says of a message is what protobuf's classes do: a field of a message type can be
changed and not assigned, a repeated one is a container, an enum is an int with names, and the constructor takes every
field by name.

Names in a message are its author's choice, and some are those of Python's types. So nothing here is written without the
module that it is from, the module itself included.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Sequence

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor

_HEAD = """\
# Written by `egxds extension stubs` from the descriptors of xds-protos. Not to be edited.
import builtins as _b
import collections.abc as _c
import typing as _t
import google.protobuf.descriptor as _descriptor
import google.protobuf.internal.containers as _containers
import google.protobuf.internal.enum_type_wrapper as _enum
import google.protobuf.message as _message
"""
_ENVOY = ("envoy", "xds", "udpa", "validate")
_OTHERS = ("opencensus", "opentelemetry", "cel")
_PROTOBUF = "google/protobuf/"
_SEVERAL = "_Several"
_SCALARS = {
    FieldDescriptor.CPPTYPE_BOOL: "_b.bool",
    FieldDescriptor.CPPTYPE_DOUBLE: "_b.float",
    FieldDescriptor.CPPTYPE_FLOAT: "_b.float",
    FieldDescriptor.CPPTYPE_INT32: "_b.int",
    FieldDescriptor.CPPTYPE_INT64: "_b.int",
    FieldDescriptor.CPPTYPE_UINT32: "_b.int",
    FieldDescriptor.CPPTYPE_UINT64: "_b.int",
}
_INDENT = "    "


def stub(file: FileDescriptor) -> str:
    """Return the stub of a module.

    Args:
        file: descriptor of the .proto file that it was generated from.
    """
    body = [
        *(line for enum in file.enum_types_by_name.values() for line in _enum_lines(enum)),
        *(line for message in file.message_types_by_name.values() for line in _message_lines(message)),
        *(f"{name}: _t.Any" for name in file.extensions_by_name),
        "DESCRIPTOR: _descriptor.FileDescriptor",
    ]
    return "\n".join((_HEAD + _imports(file, "\n".join(body)), *body, ""))


def module_of(file: FileDescriptor) -> str:
    """Return the name of the module of a .proto file."""
    return file.name.removesuffix(".proto").replace("/", ".").replace("-", "_") + "_pb2"


def is_of_others(file: FileDescriptor) -> bool:
    """Tell whether a file is of a package whose messages some of Envoy's hold; those of Google's have stubs nowhere."""
    return file.name.partition("/")[0] in _OTHERS


def _imports(file: FileDescriptor, body: str) -> str:
    """Import what is named; a public import is there for those who import this module for it."""
    modules = {_alias(each): module_of(each) for each in (file, *_all_dependencies(file)) if _is_typed(each)}
    return "".join(f"import {module} as {alias}\n" for alias, module in sorted(modules.items()) if f"{alias}." in body)


def _all_dependencies(file: FileDescriptor) -> Iterator[FileDescriptor]:
    for each in file.dependencies:
        yield each
        yield from _all_dependencies_that_are_public(each)


def _all_dependencies_that_are_public(file: FileDescriptor) -> Iterator[FileDescriptor]:
    for each in file.public_dependencies:
        yield each
        yield from _all_dependencies_that_are_public(each)


def _is_typed(file: FileDescriptor) -> bool:
    return file.name.startswith(_PROTOBUF) or _is_ours(file)


def _is_ours(file: FileDescriptor) -> bool:
    """Tell whether the stub of a file is one of these."""
    return file.name.partition("/")[0] in _ENVOY or is_of_others(file)


def _alias(file: FileDescriptor) -> str:
    return "_" + module_of(file).replace(".", "_")


def _name(item: Descriptor | EnumDescriptor) -> str:
    """Return how a class is named from anywhere; what nobody has a stub of is anything."""
    if not _is_typed(item.file):
        return "_t.Any"
    within = item.full_name.removeprefix(item.file.package).removeprefix(".")
    return f"{_alias(item.file)}.{within}"


def _message_lines(message: Descriptor) -> Iterator[str]:
    nested = [each for each in message.nested_types if not each.GetOptions().map_entry]
    inner = [
        "DESCRIPTOR: _descriptor.Descriptor",
        *(line for enum in message.enum_types for line in _enum_lines(enum)),
        *(line for each in nested for line in _message_lines(each)),
        *(line for field in message.fields for line in _field_lines(field)),
        *_constructor("__init__", "None", message.fields),
        *_several(message),
        *_presence(message),
    ]
    yield f"class {message.name}(_message.Message):"
    yield from (_INDENT + line for line in inner)


def _enum_lines(enum: EnumDescriptor) -> Iterator[str]:
    names = [value.name for value in enum.values if _is_writable(value.name)]
    yield f"class {enum.name}(_b.int, metaclass=_enum.EnumTypeWrapper):"
    yield from (f"{_INDENT}{name}: _t.ClassVar[{_name(enum)}]" for name in names) if names else (f"{_INDENT}...",)
    # Values stand beside their enum as well, which is how they are mostly written.
    yield from (f"{name}: {_beside(enum)}" for name in names)


def _beside(enum: EnumDescriptor) -> str:
    return f"_t.ClassVar[{_name(enum)}]" if enum.containing_type is not None else _name(enum)


def _field_lines(field: FieldDescriptor) -> Iterator[str]:
    yield f"{field.name.upper()}_FIELD_NUMBER: _t.ClassVar[_b.int]"
    if not _is_writable(field.name):
        return
    if field.is_repeated or field.message_type is not None:
        yield "@_b.property"
        yield f"def {field.name}(self) -> {_held(field)}: ..."
    else:
        yield f"{field.name}: {_held(field)}"


def _held(field: FieldDescriptor) -> str:
    """Return the type of what a field holds."""
    if not field.is_repeated:
        return _one(field)
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key, value = (entry.fields_by_name[name] for name in ("key", "value"))
        container = "MessageMap" if value.message_type is not None else "ScalarMap"
        return f"_containers.{container}[{_one(key)}, {_one(value)}]"
    if entry is None:
        return f"_containers.RepeatedScalarFieldContainer[{_one(field)}]"
    if _is_ours(entry.file):
        return f"{_one(field)}.{_SEVERAL}"
    return f"_containers.RepeatedCompositeFieldContainer[{_one(field)}]"


def _taken(field: FieldDescriptor) -> str:
    """Return the type of what a constructor takes for a field."""
    entry = field.message_type
    if field.is_repeated and entry is not None and entry.GetOptions().map_entry:
        key, value = (entry.fields_by_name[name] for name in ("key", "value"))
        return f"_c.Mapping[{_one(key)}, {_given(value)}]"
    return f"_c.Iterable[{_given(field)}]" if field.is_repeated else _given(field)


def _given(field: FieldDescriptor) -> str:
    # A dict is taken for a message, a name for the value of an enum.
    if field.message_type is not None:
        return f"{_one(field)} | _c.Mapping[_b.str, _t.Any]"
    return f"{_one(field)} | _b.str" if field.enum_type is not None else _one(field)


def _one(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return _name(field.message_type)
    if field.enum_type is not None:
        return _name(field.enum_type)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return "_b.bytes" if field.type == FieldDescriptor.TYPE_BYTES else "_b.str"
    return _SCALARS[field.cpp_type]


def _several(message: Descriptor) -> Iterator[str]:
    """Write the container of a message, whose own `add` takes any name."""
    (add,) = _constructor("add", _name(message), message.fields)
    yield "@_t.type_check_only"
    yield f"class {_SEVERAL}(_containers.RepeatedCompositeFieldContainer[{_name(message)}]):"
    yield f"{_INDENT}{add}  # type: ignore[override, unused-ignore]"


def _constructor(name: str, made: str, fields: Sequence[FieldDescriptor]) -> Iterator[str]:
    named = [field for field in fields if _is_writable(field.name) and field.name != "self"]
    parameters = "".join(f", {field.name}: {_taken(field)} | None = ..." for field in named)
    # What cannot be written as a parameter is given as `**{"from": …}`.
    others = ", **others: _t.Any" if len(named) < len(fields) else ""
    star = ", *" if named else ""
    yield f"def {name}(self{star}{parameters}{others}) -> {made}: ..."


def _presence(message: Descriptor) -> Iterator[str]:
    oneofs = [each for each in message.oneofs if not each.name.startswith("_")]
    present = [field.name for field in message.fields if field.has_presence]
    if present or oneofs:
        yield f"def HasField(self, field_name: {_literal((*present, *(each.name for each in oneofs)))}) -> _b.bool: ..."
    if message.fields:
        clearable = (*(field.name for field in message.fields), *(each.name for each in oneofs))
        yield f"def ClearField(self, field_name: {_literal(clearable)}) -> None: ..."
    for each in oneofs:
        if len(oneofs) > 1:
            yield "@_t.overload"
        members = _literal(field.name for field in each.fields)
        yield f"def WhichOneof(self, oneof_group: {_literal((each.name,))}) -> {members} | None: ..."


def _literal(names: Iterable[str]) -> str:
    return f"_t.Literal[{', '.join(map(repr, names))}]"


def _is_writable(name: str) -> bool:
    return not keyword.iskeyword(name)
