"""What the source distribution and the wheel have in them, and say of themselves."""

from __future__ import annotations

import email
import os
import shutil
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from egxds import __version__
from tests.packaging.conftest import Distributions, unversioned
from tests.packaging.declared import PYTHONS, ROOT

DATA = ("egxds/wire/admin/page", "egxds/extension/template")
"""What is beside the code: installed, egxds needs all of it."""


def files_below(directory: Path) -> set[str]:
    """Return the files of the repository below a directory, by their paths in it."""
    ignored = shutil.ignore_patterns(".git", *unversioned())
    found = set()
    for path, directories, files in os.walk(directory):
        left_out = ignored(path, [*directories, *files])
        directories[:] = [name for name in directories if name not in left_out]
        found |= {(Path(path) / name).relative_to(ROOT).as_posix() for name in files if name not in left_out}
    return found


@pytest.fixture(scope="module")
def metadata(distributions: Distributions) -> Message:
    """What the wheel says of itself."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_source_distribution_is_the_repository(distributions: Distributions) -> None:
    """Who gets it can test it, change it, and build the image and the pages."""
    with tarfile.open(distributions.source) as archive:
        there = {member.name.partition("/")[2] for member in archive if member.isfile()}
    wanted = files_below(ROOT)
    assert {
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
        "Dockerfile",
        "docs/index.md",
        "config/systemd/egxds.service",
    } <= wanted
    assert wanted - there == set()
    made = {path for path in there - wanted if not path.startswith("egxds.egg-info/")}
    assert made == {"PKG-INFO", "setup.cfg"}


@pytest.mark.parametrize("directory", DATA)
def test_the_wheel_has_the_files_beside_the_code(distributions: Distributions, directory: str) -> None:
    """All of them."""
    wanted = files_below(ROOT / directory)
    with zipfile.ZipFile(distributions.wheel) as archive:
        assert wanted
        assert wanted <= set(archive.namelist())


def test_the_wheel_owns_one_package(distributions: Distributions) -> None:
    """Tests and pages are not laid into the libraries of who installs it."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"egxds", f"egxds-{__version__}.dist-info"}


def test_the_license(distributions: Distributions, metadata: Message) -> None:
    """As an expression that tools read, with its text."""
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    with zipfile.ZipFile(distributions.wheel) as archive:
        text = archive.read(f"egxds-{__version__}.dist-info/licenses/LICENSE").decode()
    assert text == (ROOT / "LICENSE").read_text()
    assert "Apache License" in text


def test_who_it_is_for(metadata: Message) -> None:
    """Each Python that it names is one that it lets itself be installed on, and whose tests are in `test_pythons`."""
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == f">={PYTHONS[0]}"
    assert PYTHONS == ("3.11", "3.12", "3.13", "3.14")
    assert "Operating System :: POSIX :: Linux" in metadata.get_all("Classifier", [])
