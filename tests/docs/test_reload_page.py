"""docs/run/reload.md does what it says, with a real Envoy."""

from __future__ import annotations

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

PAGE = ROOT / "docs" / "run" / "reload.md"


def test_every_block_belongs_to_the_story() -> None:
    """One whose marker is misspelt would be read by nobody."""
    assert {each.kind for each in blocks(PAGE)} == {"story"}


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
def test_page(reader: Reader) -> None:
    """Every file is written, every command run, and every answer is the one that is shown."""
    for block in blocks(PAGE):
        reader.follow(block)
