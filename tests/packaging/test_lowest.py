"""The lower bounds of the dependencies are true: with just these versions everything works."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.conftest import Distributions
from tests.packaging.declared import DEPENDENCIES, lower_bound
from tests.packaging.installed import SUITES, TOOLS, Installed, check_commands, check_serving

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def lowest(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, with the oldest version of each dependency that it allows."""
    directory = tmp_path_factory.mktemp("lowest")
    constraints = directory / "constraints.txt"
    bounds = {each.name: lower_bound(each) for each in DEPENDENCIES}
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in bounds.items()))
    made = Installed(directory)
    # A version that would have to be compiled is none that a user could be asked to have.
    made.install([str(distributions.wheel), *TOOLS], ["--only-binary", ":all:", "--constraint", str(constraints)])
    return made


def test_commands(lowest: Installed) -> None:
    """The help, checking, and translating."""
    check_commands(lowest)


@pytest.mark.envoy
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_serving(lowest: Installed, envoy_binary: Path, isolation: str) -> None:
    """An Envoy, with hooks in Python."""
    check_serving(lowest, envoy_binary, isolation)


def test_suites(lowest: Installed) -> None:
    """What files come to is the same, message for message."""
    lowest.run_suites(*SUITES)
