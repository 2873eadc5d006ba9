"""Every Python that egxds names is one that it runs on, as far as this machine has them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.conftest import Distributions
from tests.packaging.declared import PYTHONS
from tests.packaging.installed import SUITES, TOOLS, Installed, check_commands, check_serving

pytestmark = pytest.mark.timeout(600)


def interpreters(version: str) -> Iterator[str]:
    """Yield the programs that may be such a Python: on the path, and those of pyenv, which has its own there."""
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield on_path
    yield from map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))


def is_python(program: str, version: str) -> bool:
    """Tell whether a program is one: pyenv leaves some on the path that only say which they could be."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and re.match(rf"Python {re.escape(version)}\.", done.stdout) is not None


@pytest.fixture(scope="module", params=PYTHONS)
def installed(
    request: pytest.FixtureRequest, distributions: Distributions, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The wheel, with the newest versions of everything."""
    version: str = request.param
    found = next((each for each in interpreters(version) if is_python(each, version)), None)
    if found is None:
        pytest.skip(f"Python {version} is not installed")
    made = Installed(tmp_path_factory.mktemp(f"python-{version}"), found)
    made.install([str(distributions.wheel), *TOOLS])
    return made


@pytest.mark.envoy
def test_smoke(installed: Installed, envoy_binary: Path) -> None:
    """It checks, translates, and serves an Envoy with hooks in Python on either side of a process."""
    check_commands(installed)
    for isolation in ("process", "thread"):
        check_serving(installed, envoy_binary, isolation)


def test_suites(installed: Installed) -> None:
    """What files come to is the same, message for message."""
    installed.run_suites(*SUITES)
