"""`egxds extension new` and `stubs`: what they write, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from egxds.cli import extension
from egxds.cli.application import application

EXAMPLE = Path(__file__).parents[3] / "config" / "examples" / "in-process-hook"


def test_new_writes_a_project_and_stubs(tmp_path: Path) -> None:
    """All in one step, into a directory that need not be there; a second time it touches nothing."""
    directory = tmp_path / "deep" / "greetings"
    made = CliRunner().invoke(application, ["extension", "new", str(directory)])
    assert (made.exit_code, "its README.md says how to go on" in made.output) == (0, True)
    assert sorted(each.name for each in directory.iterdir()) == [
        ".gitignore",
        "README.md",
        "egxds.yaml",
        "hooks",
        "pyproject.toml",
        "routes",
        "tests",
        "typings",
    ]
    assert (directory / "typings" / "envoy" / "config" / "route" / "v3" / "route_pb2.pyi").exists()

    (directory / "hooks" / "greeting.py").write_text("mine")
    again = CliRunner().invoke(application, ["extension", "new", str(directory)])
    assert (again.exit_code, "is not empty; name a directory that is" in again.output) == (2, True)
    assert (directory / "hooks" / "greeting.py").read_text() == "mine"


def test_the_example_is_what_new_writes(tmp_path: Path) -> None:
    """Who reads the one and starts with the other finds the same."""
    directory = tmp_path / "greetings"
    CliRunner().invoke(application, ["extension", "new", str(directory)])

    assert _contents(EXAMPLE) == {name: text for name, text in _contents(directory).items() if "typings/" not in name}


def test_stubs_go_where_editors_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`typings/` unless told otherwise; what they build on is named where it is missing."""
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(application, ["extension", "stubs"])
    assert (made.exit_code, "types-protobuf" in made.output) == (0, False)
    assert (tmp_path / "typings" / "envoy" / "__init__.pyi").exists()
    monkeypatch.setattr(extension, "find_spec", lambda _: None)
    bare = CliRunner().invoke(application, ["extension", "stubs", "elsewhere"])
    assert (bare.exit_code, "types-protobuf, which is not installed: pip install 'egxds[authors]'" in bare.output) == (
        0,
        True,
    )


@pytest.mark.parametrize("command", ["new", "stubs"])
def test_where_nothing_can_be_written(tmp_path: Path, command: str) -> None:
    """The path that is in the way is named."""
    (tmp_path / "file").touch()
    made = CliRunner().invoke(application, ["extension", command, str(tmp_path / "file")])
    assert (made.exit_code, "cannot write" in made.output, "file" in made.output) == (2, True, True)


def _contents(directory: Path) -> dict[str, bytes]:
    files = (each for each in directory.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    return {str(each.relative_to(directory)): each.read_bytes() for each in files}
