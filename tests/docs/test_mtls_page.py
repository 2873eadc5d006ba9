"""docs/run/mtls.md does what it says: certificates by openssl, rules, renewal, the Unix socket, with a real Envoy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from egxds.wire.xds.refused_clients import Reason
from tests.docs.blocks import ROOT, blocks
from tests.docs.story import Reader

PAGE = ROOT / "docs" / "run" / "mtls.md"


def test_every_reason_is_explained() -> None:
    """Who finds one in the metrics finds it on the page."""
    text = PAGE.read_text(encoding="utf-8")
    assert [reason.value for reason in Reason if f"`{reason.value}`" not in text] == []


def test_every_block_belongs_to_the_story() -> None:
    """One whose marker is misspelt would be read by nobody."""
    assert [each for each in blocks(PAGE) if each.kind != "story"] == []


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
def test_page(reader: Reader, require: Callable[..., None]) -> None:
    """Every file is written, every command run, and every answer is the one that is shown."""
    require("openssl")
    require("curl")
    for block in blocks(PAGE):
        reader.follow(block)
