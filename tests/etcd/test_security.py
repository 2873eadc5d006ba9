"""TLS to a real etcd, and its users: who is let in, who is not, and what changes while all runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from egxds.etcd.errors import PermissionDeniedError, UnauthenticatedError, UnavailableError
from egxds.etcd.operations import Get, Put
from tests.envoy.certificates import Authority
from tests.etcd.clients import client_of, next_change, read, write
from tests.etcd.cluster import EtcdCluster, EtcdTlsFiles

pytestmark = pytest.mark.anyio

KEY = "/egxds/head"
ROOT, REPLICA, OTHER = "made-up-root", "made-up-replica", "made-up-other"


@pytest.fixture
def guarded(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> EtcdCluster:
    """A member that speaks TLS, and takes clients that its authority vouches for."""
    cluster: EtcdCluster = cluster_of(tls=EtcdTlsFiles(tmp_path / "tls"))
    return cluster


async def test_both_ends_show_a_certificate(guarded: EtcdCluster) -> None:
    """By the address that is connected to, or by the name that the settings say."""
    for more in ({}, {"serverName": "etcd.test"}):
        async with client_of(guarded, tls={**_tls(guarded), **more}) as client:
            first = await write(client, KEY, b"1")
            async with client.watch(KEY, first) as news:
                assert (await next_change(news)).revision == first


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"caFile": None}, "certificate verify failed"),
        ({"serverName": "another.test"}, "certificate is not valid for 'another.test'"),
        ({"certFile": None, "keyFile": None}, ""),
    ],
    ids=["other authority", "other name", "no certificate"],
)
async def test_who_has_no_right_certificate_is_not_spoken_to(
    guarded: EtcdCluster, tmp_path: Path, more: dict[str, str | None], said: str
) -> None:
    """Neither a server by a client, nor a client by the server."""
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(Authority("Another CA").cert)
    settings = {**_tls(guarded), **more}
    settings = {key: value for key, value in settings.items() if value is not None}
    # It tries for as long as it may; where it is to be told something, that is long enough for a handshake.
    limit = "6s" if said else "2s"
    async with client_of(guarded, tls={"caFile": str(stranger), **settings}, requestTimeout=limit) as client:
        with pytest.raises(UnavailableError) as caught:
            await read(client, KEY)
    assert said in str(caught.value).lower()


async def test_certificates_are_renewed_while_all_runs(guarded: EtcdCluster) -> None:
    """Of both ends, and by another authority; the next connection has them."""
    tls = guarded.tls
    assert tls is not None
    (member,) = guarded.members
    async with client_of(guarded, requestTimeout="30s") as client:
        await write(client, KEY, b"1")
        another = Authority("The next CA")
        tls.ca_file.write_text(another.cert)
        for who in ("server", "client"):
            tls.renew(who, another)
        await to_thread.run_sync(guarded.restart, member)
        assert await read(client, KEY) == b"1"


async def test_a_user_has_a_password(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> None:
    """Another one, none, and one that cannot be read are three words for it."""
    cluster: EtcdCluster = cluster_of()
    cluster.enable_auth(ROOT, replica=REPLICA)
    password = tmp_path / "password"
    as_replica: dict[str, Any] = {"user": "replica", "passwordFile": str(password)}
    async with client_of(cluster, **as_replica) as client:
        with pytest.raises(UnauthenticatedError, match=r"passwordFile: cannot use .*: no such file"):
            await read(client, KEY)
        password.write_text("made-up-wrong\n")
        with pytest.raises(UnauthenticatedError, match="authentication failed"):
            await read(client, KEY)
        password.write_text(f"{REPLICA}\n")
        first = await write(client, KEY, b"1")
        async with client.watch(KEY, first) as news:
            assert (await next_change(news)).revision == first
        with pytest.raises(PermissionDeniedError):
            await client.transact((), (Get("/elsewhere"),))
        with pytest.raises(PermissionDeniedError):
            async with client.watch("/elsewhere", 1):
                pass
    async with client_of(cluster) as client:
        with pytest.raises(UnauthenticatedError):
            await read(client, KEY)


async def test_a_password_is_changed_while_all_runs(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> None:
    """The file is read again where the token is not taken any more; a watch, too, is let in again."""
    cluster: EtcdCluster = cluster_of()
    cluster.enable_auth(ROOT, replica=REPLICA)
    password = tmp_path / "password"
    password.write_text(REPLICA)
    async with client_of(cluster, user="replica", passwordFile=str(password)) as client:
        first = await write(client, KEY, b"1")
        cluster.change_password("replica", OTHER)
        with pytest.raises(UnauthenticatedError):
            await write(client, KEY, b"2")
        password.write_text(OTHER)
        async with client.watch(KEY, first) as news:
            assert (await next_change(news)).revision == first
        assert await write(client, KEY, b"2") == first + 1


async def test_a_token_that_is_over_is_replaced(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> None:
    """A member that was started again knows none; a watch is opened all the same, and a transaction applied once."""
    cluster: EtcdCluster = cluster_of()
    cluster.enable_auth(ROOT, replica=REPLICA)
    password = tmp_path / "password"
    password.write_text(REPLICA)
    (member,) = cluster.members
    async with client_of(cluster, user="replica", passwordFile=str(password), requestTimeout="30s") as client:
        first = await write(client, KEY, b"1")
        for _ in range(2):
            await to_thread.run_sync(cluster.restart, member)
            async with client.watch(KEY, first) as news:
                assert (await next_change(news)).revision == first
        await to_thread.run_sync(cluster.restart, member)
        second = await client.transact((), (Put(KEY, b"2"),))
        assert second.revision == first + 1


async def test_a_password_that_nobody_asks_for_is_no_fault(
    cluster_of: Callable[..., EtcdCluster], tmp_path: Path
) -> None:
    """As long as etcd lets everybody in; from when it does not, it is shown."""
    cluster: EtcdCluster = cluster_of()
    password = tmp_path / "password"
    password.write_text(REPLICA)
    async with client_of(cluster, user="replica", passwordFile=str(password)) as client:
        first = await write(client, KEY, b"1")
        await to_thread.run_sync(partial(cluster.enable_auth, ROOT, replica=REPLICA))
        assert await write(client, KEY, b"2") == first + 1


def _tls(cluster: EtcdCluster) -> dict[str, str | None]:
    assert cluster.tls is not None
    return dict(cluster.tls.settings())
