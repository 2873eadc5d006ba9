"""Writes type stubs of Envoy's messages into a directory. Imports all of them; writes files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor

from egxds.extension.stub_text import is_of_others, module_of, stub

_ROOTS = ("envoy", "xds", "udpa", "validate")
"""Packages of xds-protos that an author of hooks imports from; what their messages name beside it comes along."""


def write_stubs(directory: Path) -> int:
    """Write the stubs of all messages, in the place of those that are there; return how many modules there are.

    Args:
        directory: made where it is missing; an entry of mypy's `mypy_path`, or pyright's `stubPath`.

    Raises:
        OSError: it cannot be written to.
    """
    modules = {module_of(file): file for file in _files()}
    for name, file in modules.items():
        path = directory / (name.replace(".", "/") + ".pyi")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stub(file), encoding="utf-8")
    for package in {parent for name in modules for parent in _packages(name)}:
        (directory / package.replace(".", "/") / "__init__.pyi").touch()
    return len(modules)


def _files() -> Iterator[FileDescriptor]:
    for root in _ROOTS:
        package = importlib.import_module(root)
        for found in pkgutil.walk_packages(package.__path__, f"{root}."):
            if found.name.endswith("_pb2"):
                yield from _with_others(importlib.import_module(found.name).DESCRIPTOR)


def _with_others(file: FileDescriptor) -> Iterator[FileDescriptor]:
    yield file
    for each in file.dependencies:
        if is_of_others(each):
            yield from _with_others(each)


def _packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))
