#!/usr/bin/env python
"""Generates `egxds/generated` from the .proto files of this directory: `python protos/generate.py`.

The compiler is that of grpcio-tools, whose version is pinned: the same .proto files give the same bytes on
every machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROTOS = Path(__file__).absolute().parent
GENERATED = PROTOS.parent / "egxds" / "generated"

_PACKAGE = "egxds/generated"
_DOCSTRING = '"""Messages of `protos`, as `make protos` generates them."""\n'


def generate(target: Path) -> None:
    """Write the generated package.

    Args:
        target: directory of the package, whose path ends like its import path; what it held is deleted.

    Raises:
        subprocess.CalledProcessError: a .proto file is wrong; the compiler has said so on standard error.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    root = str(target).removesuffix(_PACKAGE)
    sources = sorted(f"{_PACKAGE}/{path.name}" for path in PROTOS.glob("*.proto"))
    compiler = [sys.executable, "-m", "grpc_tools.protoc", f"-I{_PACKAGE}={PROTOS}"]
    subprocess.run([*compiler, f"--python_out={root}", f"--pyi_out={root}", *sources], check=True)  # noqa: S603
    (target / "__init__.py").write_text(_DOCSTRING)


if __name__ == "__main__":
    generate(GENERATED)
