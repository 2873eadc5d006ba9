"""docs/run/last-good.md does what it says, with a real Envoy."""

from __future__ import annotations

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

PAGE = ROOT / "docs" / "run" / "last-good.md"


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
def test_page(reader: Reader) -> None:
    """Every file is written, every command run, and every answer is the one that is shown."""
    found = blocks(PAGE)
    assert [each for each in found if each.kind != "story"] == []
    for block in found:
        reader.follow(block)
