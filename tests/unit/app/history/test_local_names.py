"""Every file of a machine has a path in a generation, and another one than every other."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from egxds.app.history.local_names import local_name, published_path
from egxds.files.reading.reader import LIMITS
from egxds.published.manifest import file_fault, published_file
from egxds.shown_text import shown_name

_NAMES = st.lists(
    st.one_of(st.sampled_from(("", ".", "..", "%", "%2f", "a", "routes")), st.text(max_size=5)), min_size=1, max_size=5
)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("routes/shop.yaml", "routes/shop.yaml"),
        ("/etc/shop.yaml", "%/etc/shop.yaml"),
        ("../shop.yaml", "%2e%2e/shop.yaml"),
        ("100%.yaml", "100%25.yaml"),
        (r"a\x07.yaml", "a%5cx07.yaml"),
    ],
)
def test_paths(name: str, path: str) -> None:
    """As they stand in a generation."""
    assert published_path(name) == path
    assert local_name(path) == name


@given(parts=_NAMES)
def test_any_name(parts: list[str]) -> None:
    """It is one that a generation takes, and leads back."""
    name = shown_name("/".join(parts))
    assume(name)
    path = published_path(name)
    assert local_name(path) == name
    assert file_fault(published_file(path, b""), LIMITS) == ""
