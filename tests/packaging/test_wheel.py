"""What a wheel has beside code: installed, egxds needs all of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ("egxds/wire/admin/page", "egxds/extension/template")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of what is here."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "egxds", source / "egxds", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(source), str(source)]
    subprocess.run(command, check=True)
    (found,) = source.glob("*.whl")
    return found


@pytest.mark.parametrize("directory", DATA)
def test_files_beside_the_code(wheel: Path, directory: str) -> None:
    """All of them are in it."""
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / directory).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert there
        assert there <= set(archive.namelist())
