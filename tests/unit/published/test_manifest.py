"""Which files a generation has: equal files come to equal bytes, and what is no manifest is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.files.reading.content import ReadLimits
from egxds.files.reading.listing import WalkLimits
from egxds.published.errors import PublishedContentError
from egxds.published.layout import Layout, check_content, digest_of
from egxds.published.manifest import (
    CHUNK_BYTES,
    LARGEST_BUCKET_BYTES,
    ManifestError,
    PublishedFile,
    assembled,
    bucket_digests,
    bucket_name,
    chunks_of,
    content_digest,
    decoded_bucket,
    encoded_buckets,
    file_fault,
    in_buckets,
    published_file,
)

LIMITS = ReadLimits(file_bytes=4 * CHUNK_BYTES, walk=WalkLimits(depth=4))
DEPTH = LIMITS.walk.depth
NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters="/\\"), min_size=1)
PATHS = (
    st.lists(NAMES, min_size=1, max_size=DEPTH)
    .map("/".join)
    .filter(lambda path: not file_fault(published_file(path, b""), LIMITS))
)


@given(st.dictionaries(PATHS, st.binary(max_size=64), max_size=40), st.randoms())
def test_a_manifest_is_read_as_it_was_written_whatever_the_order(contents: dict[str, bytes], random: object) -> None:
    """Equal files come to equal bytes, and these to the files."""
    files = [published_file(path, content) for path, content in contents.items()]
    buckets = encoded_buckets(in_buckets(files))
    random.shuffle(files)  # type: ignore[attr-defined]
    assert encoded_buckets(in_buckets(files)) == buckets
    read = [file for name, content in buckets.items() for file in decoded_bucket(name, content, LIMITS)]
    assert sorted(read, key=lambda file: file.path) == sorted(files, key=lambda file: file.path)


def test_an_edit_of_one_file_changes_one_bucket_and_the_digest_of_all() -> None:
    """One of 128 buckets is written anew for an edit."""
    files = {f"routes/app-{number}.yaml": b"a" for number in range(10_000)}
    before = encoded_buckets(in_buckets(published_file(*each) for each in files.items()))
    after = encoded_buckets(in_buckets(published_file(*each) for each in {**files, "routes/app-7.yaml": b"b"}.items()))
    assert len(before) == 128
    assert [name for name in after if after[name] != before[name]] == [bucket_name("routes/app-7.yaml")]
    assert content_digest(bucket_digests(after)) != content_digest(bucket_digests(before))


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_a_file_is_put_together_as_it_was(size: int) -> None:
    """Chunks are of one size but for the last, and an empty file has none."""
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    file = published_file("big.yaml", content)
    chunks = list(chunks_of(content))
    assert [digest_of(chunk) for chunk in chunks] == list(file.chunks)
    assert assembled(file, chunks) == content


def test_a_file_that_is_not_as_long_as_its_manifest_says_is_refused() -> None:
    """No file is served that was cut off."""
    with pytest.raises(ManifestError, match=r"a\.yaml is 2 bytes and not 3"):
        assembled(published_file("a.yaml", b"abc"), [b"ab"])


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("a.yaml", ""),
        ("routes/später.yaml", ""),
        ("a/b/c/d.yaml", ""),
        ("a/b/c/d/e.yaml", "deeper than 4 directories"),
        ("/etc/passwd", "no path of a file below"),
        ("../a.yaml", "no path of a file below"),
        ("a//b.yaml", "no path of a file below"),
        ("a/./b.yaml", "no path of a file below"),
        ("", "no path of a file below"),
        ("a/", "no path of a file below"),
        ("a\tb.yaml", "cannot be shown"),
        ("a\nb.yaml", "cannot be shown"),
        ("a\u202eb.yaml", "cannot be shown"),
        ("a\udcffb.yaml", "cannot be shown"),
        ("a\\b.yaml", "a backslash"),
        ("ä" * 128 + ".yaml", "longer"),
        ("/".join(["a" * 255] * 4) + "aa", "longer"),
    ],
)
def test_a_path_leads_to_a_file_below_what_is_published(path: str, fault: str) -> None:
    """A path names one file, for people and for file systems."""
    found = file_fault(PublishedFile(path, 0, ()), LIMITS)
    assert fault in found
    assert bool(fault) == bool(found)


_A = published_file("a.yaml", b"a")
_LINE = f"a.yaml\t1\t{_A.chunks[0]}\n"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "between 1 and"),
        (b"x" * (LARGEST_BUCKET_BYTES + 1), "between 1 and"),
        (b"\xff\n", "not UTF-8"),
        (_LINE.rstrip("\n").encode(), "has no end"),
        (b"\n", "no line of a manifest"),
        (_LINE.replace("\t1\t", "\t01\t").encode(), "no line of a manifest"),
        (_LINE.replace("\t1\t", "\t-1\t").encode(), "no line of a manifest"),
        (_LINE.replace(_A.chunks[0], _A.chunks[0].upper()).encode(), "no digests"),
        (_LINE.replace("\t1\t", "\t0\t").encode(), "1 chunks, which are not those of 0 bytes"),
        (_LINE.replace("\t1\t", f"\t{CHUNK_BYTES + 1}\t").encode(), "1 chunks, which are not those"),
        ((_LINE * 2).encode(), "one is there twice"),
        (_LINE.replace("a.yaml", "../a.yaml").encode(), "no path of a file below"),
        (_LINE.replace("a.yaml", "b.yaml").encode(), "belongs to another bucket"),
        (f"a.yaml\t{5 * CHUNK_BYTES}\t{','.join([_A.chunks[0]] * 5)}\n".encode(), "is larger than"),
    ],
)
def test_what_is_no_bucket_is_refused(content: bytes, fault: str) -> None:
    """Nothing is believed of a bucket that nobody could have published."""
    with pytest.raises(ManifestError, match=fault):
        decoded_bucket(bucket_name("a.yaml"), content, LIMITS)


def test_what_is_not_what_its_name_says_is_told_with_key_and_generation() -> None:
    """Whoever looks after the store is told where to look."""
    layout = Layout("/egxds/")
    key = layout.blob(digest_of(b"a"))
    check_content(key, b"a")
    with pytest.raises(PublishedContentError, match=rf"{key} of generation 7: .*its digest is another one"):
        check_content(key, b"b", 7)


def test_keys_of_generations_are_in_their_order() -> None:
    """The store lists them as they came."""
    layout = Layout("/egxds/")
    keys = [layout.generation(number) for number in (1, 9, 10, 99, 1_000_000)]
    assert keys == sorted(keys)
    assert keys[0] == "/egxds/generations/0000000001"
