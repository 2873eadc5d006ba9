"""Transcripts have few names; here, other than where they are played over a socket, those few are shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from egxds.sessions import in_order, overlay


@pytest.fixture(autouse=True, scope="package")
def _few_are_shared() -> Iterator[None]:
    """Have what is known of a client rest on the snapshot from the first name on."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (overlay, in_order):
            patch.setattr(module, "SHARED_FROM", 1)
        yield
