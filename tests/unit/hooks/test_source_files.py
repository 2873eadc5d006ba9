"""Which files make an extension be loaded again."""

from __future__ import annotations

from pathlib import Path

import pytest

from egxds.hooks.inprocess.source_files import fingerprint


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A directory with a hook, and a route beside it."""
    (tmp_path / "hook.py").write_text("class Extension: ...\n")
    (tmp_path / "route.yaml").write_text("kind: HTTPRoute\n")
    return f"{tmp_path}/"


@pytest.mark.parametrize(
    "name", ["route.yaml", "other.yaml", "hook.log", "__pycache__/hook.cpython-311.pyc", ".git/a.py"]
)
def test_what_is_no_code_leaves_the_extension_as_it_is(place: str, name: str) -> None:
    """Routes may lie beside the hooks, and an edit of them asks about themselves alone."""
    before = fingerprint(place)

    _write(Path(place) / name, "something else\n")

    assert fingerprint(place) == before


@pytest.mark.parametrize("name", ["hook.py", "other.py", "package/module.py", "fast.so"])
def test_code_that_changes_or_comes_has_the_extension_loaded_again(place: str, name: str) -> None:
    """Wherever below the place it is."""
    before = fingerprint(place)

    _write(Path(place) / name, "something else, and longer\n")

    assert fingerprint(place) != before


def test_code_that_goes_has_the_extension_loaded_again(place: str) -> None:
    """What it was imported from is no longer there."""
    before = fingerprint(place)

    (Path(place) / "hook.py").unlink()

    assert fingerprint(place) != before


def test_a_file_that_is_named_counts_whatever_it_is_called(tmp_path: Path) -> None:
    """It is what the code was loaded from."""
    file = tmp_path / "hook"
    file.write_text("class Extension: ...\n")
    before = fingerprint(str(file))

    file.write_text("class Extension: pass  # longer\n")

    assert fingerprint(str(file)) != before


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
