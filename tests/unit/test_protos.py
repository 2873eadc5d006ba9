"""The generated messages are those of the .proto files."""

from __future__ import annotations

from pathlib import Path

from protos.generate import GENERATED, generate


def _files(directory: Path) -> dict[str, str]:
    paths = (path for path in directory.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return {str(path.relative_to(directory)): path.read_text() for path in paths}


def test_generated_is_up_to_date(tmp_path: Path) -> None:
    """`egxds/generated` is what `make protos` would write now."""
    target = tmp_path / "egxds" / "generated"
    generate(target)

    assert _files(target) == _files(GENERATED)
