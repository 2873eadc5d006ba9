"""The pages of docs/moving-in do what they say, each from an empty directory on, with a real Envoy."""

from __future__ import annotations

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

PAGES = ("ai-gateway.md", "envoy-gateway.md", "nginx-traefik-caddy.md", "static-envoy.md")
THEIRS = "theirs"
"""Kind of a block in the words of another program, which is not here to run."""

_FOLDER = ROOT / "docs" / "moving-in"


def test_every_page_is_read() -> None:
    """One that nobody reads may say anything."""
    assert {path.name for path in _FOLDER.glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_every_block_belongs_to_the_story(name: str) -> None:
    """One whose marker is misspelt would be read by nobody."""
    found = blocks(_FOLDER / name)
    assert found
    assert [each for each in found if each.kind not in ("story", THEIRS)] == []


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, reader: Reader) -> None:
    """Every file is written, every command run, and every answer is the one that is shown."""
    for block in blocks(_FOLDER / name):
        if block.kind != THEIRS:
            reader.follow(block)


@pytest.mark.parametrize("file", ["envoy-gateway.yaml", "routes/models.yaml"])
def test_the_example_is_what_the_page_shows(file: str) -> None:
    """The one that a real Envoy is tried with."""
    (shown,) = (each for each in blocks(_FOLDER / "ai-gateway.md") if each.detail == f"write {file}")
    assert shown.text == (ROOT / "config" / "examples" / "ai-gateway" / file).read_text()
