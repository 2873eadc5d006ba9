"""docs/tutorial.md does what it says, from an empty directory on, with a real Envoy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_every_block_belongs_to_the_story() -> None:
    """One whose marker is misspelt would be read by nobody."""
    assert [each for each in blocks(TUTORIAL) if each.kind != "story"] == []


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody who does what the page says."""
    reader = Reader(tmp_path)
    yield reader
    reader.discard()


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the page makes its certificate with openssl (Debian: openssl)"
)
def test_a_site_with_https(reader: Reader) -> None:
    """HTTPS, redirect, two domains, weights; an edit and a broken file."""
    for block in blocks(TUTORIAL):
        reader.follow(block)
