"""What docs/status.md shows is what a daemon says that has the files of the page."""

from __future__ import annotations

from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

PAGE = ROOT / "docs" / "status.md"
_BROKEN = "broken "


def test_page(reader: Reader) -> None:
    """Files, then the daemon, then what each command says of them."""
    shown = blocks(PAGE)
    assert {each.kind for each in shown} == {"file", "story"}
    for block in shown:
        if block.kind == "file":
            reader.write(block.detail, block.text)
        elif block.detail.startswith(_BROKEN):
            reader.write(block.detail.removeprefix(_BROKEN), block.text)
        else:
            reader.follow(block)
