"""Pages that are stories do what they say, from an empty directory on, with a real Envoy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

STORIES = ("tutorial.md", "faults.md")
NEEDS = {"tutorial.md": ("openssl",)}
"""Page → programs that it has its reader call."""


@pytest.mark.parametrize("name", STORIES)
def test_every_block_belongs_to_the_story(name: str) -> None:
    """One whose marker is misspelt would be read by nobody."""
    assert [each for each in blocks(ROOT / "docs" / name) if each.kind != "story"] == []


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", STORIES)
def test_the_story(reader: Reader, name: str, require: Callable[..., None]) -> None:
    """Each block in its turn."""
    require(*NEEDS.get(name, ()))
    for block in blocks(ROOT / "docs" / name):
        reader.follow(block)
