"""docs/run/upgrade.md: a version is replaced by the next one and put back, under traffic, and no request is lost."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks
from tests.docs.story import Reader
from tests.envoy.client import SteadyClient
from tests.packaging.installed import UV, environment

PAGE = ROOT / "docs" / "run" / "upgrade.md"
_INSTALL = re.compile(
    r"python3 -m venv (?P<venv>\S+)\n(?P=venv)/bin/pip install egxds-(?P<version>\S+)-py3-none-any\.whl\n"
)


def run(*command: str) -> None:
    """Run a command that is to succeed."""
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)


def install(block: Block, directory: Path, scratch: Path) -> None:
    """Do what a block says with uv, which does it in seconds, and with what is here under the version that it names."""
    named = _INSTALL.fullmatch(block.text)
    assert named is not None, block.text
    source = scratch / named["version"]
    shutil.copytree(ROOT / "egxds", source / "egxds", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "egxds" / "__init__.py").write_text(f'"""egxds."""\n\n__version__ = "{named["version"]}"\n')
    run(*UV, "build", "--quiet", "--wheel", "--out-dir", str(scratch), str(source))
    venv = directory / named["venv"]
    run(*UV, "venv", "--quiet", "--python", sys.executable, str(venv))
    wheel = scratch / f"egxds-{named['version']}-py3-none-any.whl"
    run(*UV, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python"), str(wheel))


def test_every_block_belongs_to_the_story() -> None:
    """One whose marker is misspelt would be read by nobody."""
    assert [each for each in blocks(PAGE) if each.kind != "story"] == []


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(600)
def test_the_story(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each block in its turn; from the first answer to the last one a client asks all the time."""
    clients: list[SteadyClient] = []
    with ExitStack() as traffic:
        for block in blocks(PAGE):
            if block.detail == "install":
                install(block, reader.directory, tmp_path_factory.mktemp("wheel"))
            else:
                reader.follow(block)
            if block.detail == "answer" and not clients:
                clients.append(traffic.enter_context(SteadyClient(int(reader.free("8080")), "localhost")))
        clients[0].wait_for_more()
    assert clients[0].failures == []
    assert clients[0].served > 0
