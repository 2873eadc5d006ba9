"""What files come to is the same, whether they are looked at anew or only where they were edited."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from egxds.published.content import content_of, edited

_PATHS = st.sampled_from([f"routes/{number}.yaml" for number in range(12)])
_FILES = st.dictionaries(_PATHS, st.binary(max_size=3))


@given(before=_FILES, after=_FILES, known=st.sets(_PATHS))
def test_edited(before: dict[str, bytes], after: dict[str, bytes], known: set[str]) -> None:
    """Whatever is new, other or gone, and be it told of files that are the same; or that they are there already."""
    changed = {path: text for path, text in after.items() if before.get(path) != text or path in known}
    gone = before.keys() - after.keys()
    whole = content_of(after)
    found = edited(content_of(before), changed, gone)
    assert replace(found, blobs=whole.blobs, texts=whole.texts) == whole
    assert (found.blobs, found.texts) == (content_of(changed).blobs, changed)
    there = {path: whole.files[path] for path in changed}
    assert replace(edited(content_of(before), {}, gone, there), blobs=whole.blobs, texts=whole.texts) == whole
