#!/usr/bin/env python
"""Generates `egxds/generated` from the .proto files of this directory: `python protos/generate.py`.

There are two runtimes, and each .proto file is for one of them. What is said on an ADS stream is for protobuf's own,
which is fast on large messages: modules `egxds.generated.*_pb2`. Everything else that is spoken is for betterproto2 on
grpclib, with stubs and server bases: `egxds.generated.<package of the .proto file>`, and the package is that of the
public protocol, since a service's is in its path.

The compilers are pinned, and so is the ruff that formats what one of them writes: the same .proto files give the same
bytes on every machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROTOS = Path(__file__).absolute().parent
GENERATED = PROTOS.parent / "egxds" / "generated"

PROTOBUF = ("discovery.proto", "status.proto")
"""For protobuf's own runtime."""
BETTERPROTO = ("admin.proto", "client_status.proto", "etcd.proto", "extension.proto", "health.proto")
"""For betterproto2."""

_PACKAGE = "egxds/generated"
_DOCSTRING = '"""Messages and services of `protos`, as `make protos` generates them."""\n'
_GRPC_OPTIONS = "client_generation=async,server_generation=async"


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
    sources = [f"{_PACKAGE}/{name}" for name in PROTOBUF]
    protoc(f"-I{_PACKAGE}={PROTOS}", f"--python_out={root}", f"--pyi_out={root}", *sources)
    betterproto(PROTOS, target, *BETTERPROTO)
    (target / "__init__.py").write_text(_DOCSTRING)


def betterproto(directory: Path, target: Path, *names: str) -> None:
    """Write packages for betterproto2.

    Args:
        directory: of the .proto files.
        target: directory of the packages.
        names: file names.
    """
    options = (f"--python_betterproto2_out={target}", f"--python_betterproto2_opt={_GRPC_OPTIONS}")
    protoc(f"-I{directory}", *options, *names)


def protoc(*arguments: str) -> None:
    """Run the compiler; it finds the plugin, and the plugin finds ruff, beside the interpreter.

    It runs in the root of the repository, whose settings ruff goes by.
    """
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments]
    # The plugin names each file that it writes; protoc itself says what is wrong.
    environment = os.environ | {"PATH": path}
    result = subprocess.run(  # noqa: S603
        command, check=False, cwd=PROTOS.parent, env=environment, capture_output=True, text=True
    )
    if result.returncode:
        sys.stderr.write(result.stderr)
        result.check_returncode()


if __name__ == "__main__":
    generate(GENERATED)
