"""What docs/reference/shadowed-rules.md says of rules that are shadowed is what is said of its example."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from egxds.cli.application import application
from tests.docs.blocks import ROOT, Block, blocks
from tests.unit.model.texts import endpoint_slice, gateway, service

PAGE = ROOT / "docs" / "reference" / "shadowed-rules.md"


def _shown() -> list[Block]:
    return [each for each in blocks(PAGE) if each.kind == "shadowed"]


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(application, arguments)


def _written(directory: Path) -> None:
    """Write the files of the page, and what they refer to."""
    (directory / "routes").mkdir()
    texts = (gateway(), service("cart"), endpoint_slice(service_name="cart"))
    (directory / "routes" / "web.yaml").write_text("---\n".join(texts))
    for block in _shown():
        verb, _, name = block.detail.partition(" ")
        if verb == "file":
            (directory / name).write_text(block.text)


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_validate_says_what_is_shown() -> None:
    """In the same words; lines are longer there."""
    (block,) = (each for each in _shown() if each.detail == "says")
    prompt, _, said = block.text.partition("\n")
    assert prompt == "$ egxds validate routes"
    made = _run("validate", "routes")
    assert (made.exit_code, " ".join(said.split()) in " ".join(made.output.split())) == (0, True), made.output
    assert _run("validate", "--strict", "routes").exit_code == 1


def test_the_status_has_the_condition_that_is_shown() -> None:
    """As `translate --status` prints it, and the admin API."""
    (block,) = (each for each in _shown() if each.detail == "condition")
    shown = yaml.safe_load(block.text)
    items = yaml.safe_load(_run("translate", "--status", "routes").stdout)["items"]
    (trial,) = (each for each in items if each["metadata"]["name"] == "trial")
    found = trial["status"]["parents"][0]["conditions"]
    assert shown.items() <= next(each for each in found if each["type"] == shown["type"]).items()
