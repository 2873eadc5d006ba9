"""What tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.story import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody who does what a page says."""
    reader = Reader(tmp_path)
    yield reader
    reader.discard()
