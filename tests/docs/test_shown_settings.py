"""Parts of a settings file that pages of docs/reference show are taken as they stand there."""

from __future__ import annotations

import pytest

from egxds.settings.text import parse_settings
from tests.docs.blocks import ROOT, Block, blocks

_LEAST = "sources: {files: {paths: [routes/]}}\n"
SHOWN = [
    pytest.param(each, id=f"{page.stem}-{position}")
    for page in sorted((ROOT / "docs" / "reference").glob("*.md"))
    for position, each in enumerate(blocks(page))
    if each.kind == "settings"
]


def test_some_are_shown() -> None:
    """A marker that is misspelt would leave its block to nobody."""
    assert len(SHOWN) > 2


@pytest.mark.parametrize("shown", SHOWN)
def test_settings_are_taken(shown: Block) -> None:
    """Beside where the routes are, which every file has to say; a key that is unknown would be an error."""
    parse_settings(_LEAST + shown.text, "egxds.yaml")
