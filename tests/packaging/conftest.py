"""What tests of packages and of the container image share: each is built once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.declared import ROOT
from tests.packaging.engine import own_network
from tests.packaging.image_build import Buildah, Image, fetch_wheels, make_base


@dataclass(frozen=True)
class Distributions:
    """What `make dist` makes.

    Attributes:
        source: the source distribution.
        wheel: the wheel, made from it.
    """

    source: Path
    wheel: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Both, of what is here."""
    scratch = tmp_path_factory.mktemp("distributions")
    # Building writes beside the sources.
    shutil.copytree(ROOT, scratch / "source", ignore=shutil.ignore_patterns(".git", *unversioned()))
    command = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(scratch), str(scratch / "source")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (source,), (wheel,) = scratch.glob("*.tar.gz"), scratch.glob("*.whl")
    return Distributions(source, wheel)


def unversioned() -> list[str]:
    """Return the patterns of what is made here, and belongs to no version."""
    return [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]


@pytest.fixture(scope="session")
def scratch(require: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where images are built, with the wheels that they are built from."""
    require("buildah", "mmdebstrap")
    if os.geteuid() != 0:
        pytest.skip("only root may build and run an image here")
    scratch = tmp_path_factory.mktemp("image")
    fetch_wheels(scratch / "wheels")
    yield scratch
    shutil.rmtree(scratch)


@pytest.fixture(scope="session")
def buildah(scratch: Path) -> Iterator[Buildah]:
    """With a base to build on."""
    buildah = Buildah(scratch)
    make_base(buildah, scratch)
    yield buildah
    buildah("umount", "--all")


@pytest.fixture(scope="session")
def image(buildah: Buildah, scratch: Path) -> Image:
    """The image of the Dockerfile, on a base of Debian's Python, in the format that keeps the health check."""
    offline = ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/wheels"]
    labels = ["--build-arg", "REVISION=0123abc", "--build-arg", "SOURCE=https://example.com/egxds"]
    volume = ["--volume", f"{scratch / 'wheels'}:/wheels:ro"]
    buildah.build("--format", "docker", *offline, *labels, *volume, "--tag", "localhost/egxds")
    return buildah.image("localhost/egxds")


@pytest.fixture
def network() -> Iterator[None]:
    """A network of its own: the ports that files name are free."""
    with own_network():
        yield
