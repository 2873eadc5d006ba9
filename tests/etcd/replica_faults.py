"""What goes wrong between a replica and its store, what is said of it meanwhile, and how it is put right.

Beside this table, with real processes as well:

    all members are killed, or hang                       test_following, test_faults
    a member is cut off from the others alone             test_member_cut_off
    members are killed or hang one after the other        test_following, test_fleet
    a start without etcd, with and without `stateDir`     test_following
    history is compacted while a replica does not run     test_following
    a backup is restored that is older than the replica   test_following, also as another cluster
    a password is changed                                 test_following, test_security
    certificates are renewed by another authority         test_security
    a publisher dies, or finds the disk full              test_publishing
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from egxds.etcd.errors import NoSpaceError
from tests.envoy.certificates import Authority
from tests.etcd.cluster import EtcdCluster, EtcdTlsFiles
from tests.etcd.replica import publish
from tests.etcd.shop import Shop
from tests.etcd.way import Way

_CUT_OFF = "generation 1 stays in force"


@dataclass
class Store:
    """A cluster, and the ways of one replica to it.

    Attributes:
        cluster: the cluster.
        cluster_of: makes another one.
        shop: what is published.
        ways: to each member.
        backup: what it held when all was well.
    """

    cluster: EtcdCluster
    cluster_of: Callable[..., EtcdCluster]
    shop: Shop
    ways: list[Way] = field(default_factory=list)
    backup: Path | None = None

    def open_ways(self, stack: ExitStack) -> list[str]:
        """Open a way to each member; return their addresses."""
        self.ways = [stack.enter_context(Way(member.port)) for member in self.cluster.members]
        return [f"127.0.0.1:{way.port}" for way in self.ways]

    def all_ways(self, what: Callable[[Way], None]) -> None:
        """Do something to each way."""
        for way in self.ways:
            what(way)


@dataclass(frozen=True)
class Fault:
    """One that a replica lives through.

    Attributes:
        name: for people.
        begins: brings it about.
        ends: puts it right.
        said: by `/readyz` as long as it lasts; empty where nothing is to be noticed.
        takes: whether the store takes a generation meanwhile, from somebody who is not concerned.
        members: of the cluster.
        options: of its members.
        has_tls: whether it speaks TLS.
    """

    name: str
    begins: Callable[[Store], None]
    ends: Callable[[Store], None]
    said: str = _CUT_OFF
    takes: bool = False
    members: int = 1
    options: tuple[str, ...] = ()
    has_tls: bool = False

    def store(self, cluster_of: Callable[..., EtcdCluster], shop: Shop, directory: Path) -> Store:
        """Start what it happens to."""
        tls = EtcdTlsFiles(directory / "tls") if self.has_tls else None
        return Store(cluster_of(self.members, options=self.options, tls=tls), cluster_of, shop)


def _lose_majority(store: Store) -> None:
    for member in store.cluster.members[1:]:
        member.kill()


def _find_majority(store: Store) -> None:
    for member in store.cluster.members[1:]:
        member.start()
    store.cluster.wait_until_served()


def _forget_and_open(store: Store) -> None:
    store.cluster.put("/elsewhere", "1")
    store.cluster.compact(store.cluster.revision())
    store.all_ways(Way.open)


def _wait_and_open(store: Store) -> None:
    store.shop.wait_answer("b")
    store.all_ways(Way.open)


def _fill(store: Store) -> None:
    store.cluster.fill()
    with pytest.raises(NoSpaceError):
        publish(store.cluster, store.shop.files("a", "b"))


def _replace_first(store: Store) -> None:
    first = store.cluster.members[0]
    first.kill()
    store.ways[0].lead_to(store.cluster.replace(first).port)


def _lose_second(store: Store) -> None:
    store.cluster.members[1].kill()
    store.cluster.wait_until_served(store.cluster.members[0])


def _begin_anew(store: Store) -> None:
    store.backup = store.cluster.backup()
    store.cluster.lose_all()


def _restore(store: Store) -> None:
    assert store.backup is not None
    store.cluster.restore(store.backup)


def _lead_elsewhere(store: Store) -> None:
    other = store.cluster_of()
    publish(other, store.shop.files("elsewhere"))
    store.ways[0].lead_to(other.members[0].port)


def _lead_back(store: Store) -> None:
    store.ways[0].lead_to(store.cluster.members[0].port)


def _renew(store: Store) -> None:
    tls, (member,) = store.cluster.tls, store.cluster.members
    assert tls is not None
    tls.renew("server", Authority("The next CA"))
    member.stop()
    member.start()


def _renew_with_authority(store: Store) -> None:
    tls, (member,) = store.cluster.tls, store.cluster.members
    assert tls is not None
    another = Authority("The next CA")
    tls.renew("server", another)
    tls.ca_file.write_text(another.cert + tls.authority.cert)
    store.cluster.restart(member)


FAULTS = (
    Fault("two of three are gone", _lose_majority, _find_majority, members=3),
    Fault("cut off", lambda store: store.all_ways(Way.cut), lambda store: store.all_ways(Way.open), takes=True),
    Fault(
        "cut off in silence, and history is compacted",
        lambda store: store.all_ways(Way.hush),
        _forget_and_open,
        takes=True,
    ),
    Fault("slow", lambda store: store.all_ways(lambda way: way.slow_down(0.2)), _wait_and_open, said="", takes=True),
    Fault(
        "disk full by quota",
        _fill,
        lambda store: store.cluster.make_room(),
        said="",
        options=("--quota-backend-bytes=4194304",),
    ),
    Fault("members are replaced", _replace_first, _lose_second, said="", members=3),
    Fault("data is lost, and restored", _begin_anew, _restore, said="at no generation at all"),
    Fault("the address leads to another cluster", _lead_elsewhere, _lead_back, said="another store", takes=True),
    Fault("a certificate of a stranger", _renew, _renew_with_authority, has_tls=True),
)
