"""The generated messages are those of the .proto files."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc  # type: ignore[import-untyped]

from protos.generate import GENERATED, generate

PROTOS = Path(__file__).parents[2] / "protos"


def _files(directory: Path) -> dict[str, str]:
    paths = (path for path in directory.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return {str(path.relative_to(directory)): path.read_text() for path in paths}


def test_generated_is_up_to_date(tmp_path: Path) -> None:
    """`egxds/generated` is what `make protos` would write now."""
    target = tmp_path / "egxds" / "generated"
    generate(target)

    assert _files(target) == _files(GENERATED)


METHODS = {
    "PostRouteModify",
    "PostEndpointsModify",
    "PostClusterModify",
    "PostVirtualHostModify",
    "PostHTTPListenerModify",
    "PostTranslateModify",
}


def test_anyone_can_generate_the_extension_protocol(tmp_path: Path) -> None:
    """The plain compiler takes the file as it is, and it has Envoy Gateway's package, service and methods."""
    found = tmp_path / "extension.pb"
    command = ["protoc", f"-I{PROTOS}", f"--python_out={tmp_path}", f"--descriptor_set_out={found}", "extension.proto"]
    assert protoc.main(command) == 0
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(found.read_bytes()).file
    (service,) = file.service
    assert f"{file.package}.{service.name}" == "envoygateway.extension.EnvoyGatewayExtension"
    assert {method.name for method in service.method} == METHODS
    for method in service.method:
        types = [f".{file.package}.{method.name}{part}" for part in ("Request", "Response")]
        assert [method.input_type, method.output_type] == types
    assert (tmp_path / "extension_pb2.py").exists()
