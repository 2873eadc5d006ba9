"""What files hold is encrypted in the store where there is a key: nobody reads it there, and all else is as ever."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.files.reading.content import ReadLimits
from egxds.published.content import content_of
from egxds.published.encryption import FILE, REPLY, UNENCRYPTED, Encrypted, Encryption, EncryptionError
from egxds.published.generation import generation_of
from egxds.published.key_file import KeyFileError, encryption_of
from egxds.published.publishing import Published, Publisher
from egxds.published.reading import WatchedGenerations
from egxds.published.record import Origin
from egxds.settings.etcd import EtcdSource
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.unit.published.followed import Following, until
from tests.unit.published.store import LAYOUT

pytestmark = pytest.mark.anyio

KEY, OTHER = Encrypted(bytes(range(32))), Encrypted(bytes(32))
SECRET = "made-up-secret-value"
FILES = {f"{name}.yaml": f"kind: Secret\nname: {name}\nvalue: {SECRET}\n".encode() for name in ("a", "b", "c")}
ORIGIN = Origin("alice@desk", datetime(2026, 1, 1, tzinfo=UTC))


def generations(cluster: FakeCluster, encryption: Encryption) -> WatchedGenerations:
    """Return the generations as somebody with a key sees them."""
    return WatchedGenerations(FakeEtcd(cluster), LAYOUT, ReadLimits(), encryption)


async def publish(cluster: FakeCluster, encryption: Encryption, files: dict[str, bytes]) -> Published:
    """Publish with a key."""
    return await Publisher(generations(cluster, encryption)).publish(content_of(files, encryption), ORIGIN)


async def test_nothing_that_files_hold_stands_there() -> None:
    """Of an edit that file is written, as without a key, and what was before is read."""
    cluster = FakeCluster()
    await publish(cluster, KEY, FILES)
    assert all(SECRET.encode() not in each.value for each in cluster.keys.values())
    before = set(cluster.keys)
    published = await publish(cluster, KEY, {**FILES, "a.yaml": b"kind: Other\n"})
    assert published.texts == FILES
    assert sorted(key.split("/")[2] for key in cluster.keys.keys() - before) == ["blobs", "buckets", "generations"]


async def test_who_has_the_key_follows_and_who_has_not_is_told_why() -> None:
    """What was in force stays with them."""
    cluster = FakeCluster()
    await publish(cluster, KEY, FILES)
    for encryption, said in (
        (KEY, ""),
        (OTHER, "cannot be decrypted: sources.etcd.keyFile is not the key"),
        (UNENCRYPTED, "is encrypted: name the key in sources.etcd.keyFile"),
    ):
        found = Following(FakeEtcd(cluster))
        await _follow(found, generations(cluster, encryption), said)
        if not said:
            assert {path: text.encode() for path, text in found.texts().items()} == FILES


async def test_what_is_not_encrypted_is_not_taken_where_there_is_a_key() -> None:
    """Whoever may write there could have written it."""
    cluster = FakeCluster()
    await publish(cluster, UNENCRYPTED, FILES)
    await _follow(Following(FakeEtcd(cluster)), generations(cluster, KEY), "is not encrypted")


async def test_another_key_is_taken_into_use_by_publishing_anew() -> None:
    """All is put again, though no file is another one; what was published before is not read with it."""
    cluster = FakeCluster()
    await publish(cluster, KEY, FILES)
    published = await publish(cluster, OTHER, FILES)
    assert (published.is_new, published.texts) == (True, None)
    assert "is not the key" in str(published.fault)
    await _follow(Following(FakeEtcd(cluster)), generations(cluster, OTHER), "")


async def test_what_was_kept_is_known_by_the_key_that_it_was_published_with() -> None:
    """A start with it reads nothing anew."""
    cluster = FakeCluster()
    await publish(cluster, KEY, FILES)
    found = Following(FakeEtcd(cluster))
    await _follow(found, generations(cluster, KEY), "")
    newest = found.follower.newest
    assert newest is not None
    assert generation_of(newest.documents, newest.origin, KEY).digests == newest.digests
    assert generation_of(newest.documents, newest.origin, OTHER).digests != newest.digests


async def _follow(found: Following, followed: WatchedGenerations, said: str) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(found.follower.follow, followed)
        if said:
            await until(lambda: said in found.standing.refused)
            assert found.follower.newest is None
        else:
            await until(lambda: found.standing.is_at_head)
        tasks.cancel_scope.cancel()


@given(st.binary(min_size=1, max_size=2000))
def test_equal_contents_are_equal_and_nothing_else_is_decrypted(content: bytes) -> None:
    """So that they are there once; what is moved or changed is refused."""
    stored = KEY.encrypted(FILE, content)
    assert stored == KEY.encrypted(FILE, content)
    assert KEY.decrypted(FILE, stored) == content
    for kind, other in ((REPLY, stored), (FILE, stored[:-1] + bytes((stored[-1] ^ 1,))), (FILE, stored[:25])):
        with pytest.raises(EncryptionError):
            KEY.decrypted(kind, other)


@pytest.mark.parametrize("written", [bytes(range(32)), base64.b64encode(bytes(range(32))) + b"\n"])
def test_a_key_is_read_from_a_file(tmp_path: Path, written: bytes) -> None:
    """As it is, or in base64."""
    (tmp_path / "key").write_bytes(written)
    source = EtcdSource.model_validate({"endpoints": ["127.0.0.1:1"], "keyFile": "key"})
    assert encryption_of(source, tmp_path).mark == KEY.mark != OTHER.mark
    assert encryption_of(source.below(tmp_path), Path("/nowhere")).mark == KEY.mark


@pytest.mark.parametrize("written", [None, b"", bytes(31), bytes(33), b"a" * 44, b"=" * 4000])
def test_what_is_no_key_is_said(tmp_path: Path, written: bytes | None) -> None:
    """With the file, and nothing of what it holds."""
    path = tmp_path / "key"
    if written is not None:
        path.write_bytes(written)
    source = EtcdSource.model_validate({"endpoints": ["127.0.0.1:1"], "keyFile": "key"})
    with pytest.raises(KeyFileError, match=r"sources\.etcd\.keyFile: ") as caught:
        encryption_of(source, tmp_path)
    assert str(path) in str(caught.value)
    assert "aaaa" not in str(caught.value)
