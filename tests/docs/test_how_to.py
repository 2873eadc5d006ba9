"""The pages of docs/how-to do what they say, each from an empty directory on, with a real Envoy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
_PROGRAMS = ("openssl", "etcd", "etcdctl")
"""Which a page may have its reader run."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_belongs_to_the_story(page: Path) -> None:
    """One whose marker is misspelt would be read by nobody."""
    found = blocks(page)
    assert found
    assert [each for each in found if each.kind != "story"] == []


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, reader: Reader, require: Callable[..., None]) -> None:
    """Every file is written, every command run, and every answer is the one that is shown."""
    story = blocks(page)
    words = {word for each in story for line in each.text.splitlines() for word in line.split()}
    require(*(program for program in _PROGRAMS if program in words))
    for block in story:
        reader.follow(block)
