"""Replicas that follow a store in memory, from its head to what they serve, and Envoys that go from one to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import cast

import anyio

from egxds import names
from egxds.app.candidate import Candidate, InForce
from egxds.app.candidates import Candidates
from egxds.app.current_build import CurrentBuild
from egxds.app.etcd_source import PublishedTrees
from egxds.app.given_tree import GivenTree
from egxds.app.pipeline import Pipeline
from egxds.app.publisher import Publisher
from egxds.app.source import Trees
from egxds.busy_threads import BusyThreads
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.documents.split import documents_in
from egxds.files.reading.content import ReadLimits, Scan
from egxds.hooks.run.runner import HookRunner
from egxds.problems import Problem
from egxds.published.candidate import FollowedCandidate
from egxds.published.encryption import UNENCRYPTED
from egxds.published.followed import Followed, decoded_followed
from egxds.published.following import Follower
from egxds.published.generation import Generation
from egxds.published.reading import WatchedGenerations
from egxds.published.standing import Standing
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Response
from egxds.settings.daemon import Settings
from egxds.snapshot.snapshot import EMPTY, Snapshot
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.transcripts.fake_envoy import FakeEnvoy
from tests.unit.published.store import LAYOUT

GATEWAY = "default/web"
_SETTINGS = Settings.model_validate({"sources": {"etcd": {"endpoints": ["localhost:2379"]}}})
_PAUSE_S = 60.0
"""Long enough for nothing to wait any more that an Envoy is told."""

Served = Mapping[tuple[str, str], tuple[str, bytes]]
"""(type URL, name) → version and bytes."""


def served(snapshot: Snapshot) -> Served:
    """Return what Envoys see of a snapshot."""
    return {
        (type_url, name): (each.version, each.body)
        for type_url, of_type in snapshot.resources.items()
        for name, each in of_type.items()
    }


class _Rooms:
    """The way from documents to what is served.

    Attributes:
        is_settled: whether all is served of what was read last.
    """

    def __init__(self, trees: Trees) -> None:
        self.store = SnapshotStore()
        self.is_settled = False
        self.current = CurrentBuild()
        self.pipeline = Pipeline(_SETTINGS, trees)
        self.runner = HookRunner(_SETTINGS.extensions, Metrics())

    async def take(self) -> str:
        """Serve what the documents come to; return what the source says of them."""
        last, build = self.current.build, self.pipeline.run(Scan.CHANGED)
        self.current.build, self.is_settled = build, False
        translations = build.translations
        for name in translations.changed_since(last.translations if last else None):
            if name in translations:
                hooked = await self.runner.run(translations[name], None)
                self.store.publish(name, hooked.class_name, hooked.resources)
            else:
                self.store.remove(name)
        self.store.mark_loaded()
        self.is_settled = True
        return build.origin

    def basis(self, _gateway: str) -> None:
        """There are no hooks: nothing was said that anybody could go on from."""


async def served_of(files: Mapping[str, str]) -> Served:
    """Return what somebody serves who has seen nothing else than these files."""
    rooms = _Rooms(GivenTree(FileTree({path: _documents(path, text) for path, text in files.items()})))
    await rooms.take()
    return served(rooms.store.snapshot(GATEWAY))


def _documents(path: str, text: str) -> FileDocuments:
    found = documents_in(path, text.encode(), 100)
    assert not isinstance(found, Problem)
    return found


class FakeReplica:
    """A replica, for one life of its process.

    Attributes:
        client: its way to the store.
        follower: what it has in memory.
        in_force: every generation that it has served, in order.
        stores: what its Envoys are served.
        candidate: serves some of them something else first.
    """

    def __init__(self, cluster: FakeCluster, kept: Generation | None = None) -> None:
        """Describe it; `run` has it work.

        Args:
            cluster: what it follows.
            kept: what it goes on from.
        """
        self.client = FakeEtcd(cluster)
        self.follower = Follower(self._hand_on, lambda _: self._tell(), self._tell)
        self.in_force: list[Followed] = []
        self._handed_on = anyio.Event()
        rooms = self._rooms = _Rooms(PublishedTrees(self.follower, lambda: UNENCRYPTED))
        self.stores = Stores(rooms.store)
        self._told: Callable[[], None] = lambda: None
        publisher = cast("Publisher", rooms)
        parts = (rooms.current, rooms.pipeline, rooms.runner, publisher, self.stores, BusyThreads())
        self.candidate = Candidate(cast("Candidates", _Candidates(self)), InForce(*parts, self._hand_on))
        if kept is not None and kept.origin is not None:
            self.follower.resume(kept.documents, kept.origin.encode())
            self._handed_on.set()

    def snapshot(self, node_id: str) -> Snapshot | None:
        """Return what an Envoy is served; None before there is anything."""
        view = self.stores.of(node_id).view(GATEWAY)
        return view.snapshot if view is not None else None

    def served(self, node_id: str = "") -> Served:
        """Return what an Envoy sees of it."""
        return served(self.snapshot(node_id) or EMPTY)

    def watch_candidate(self, told: Callable[[], None]) -> None:
        """Have somebody told that there is another candidate, or it stands otherwise."""
        self._told = told

    async def run(self) -> None:
        """Follow, and serve what is followed; until cancelled."""
        generations = WatchedGenerations(self.client, LAYOUT, ReadLimits())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.follower.follow, generations)
            tasks.start_soon(self.candidate.work)
            while True:
                await self._handed_on.wait()
                self._handed_on = anyio.Event()
                origin = decoded_followed(await self._rooms.take())
                assert origin is not None
                self.in_force.append(origin)
                self.candidate.stir()

    def _tell(self) -> None:
        self._told()

    def _hand_on(self) -> None:
        self._handed_on.set()


class _Candidates:
    """Those that a replica has from its store."""

    def __init__(self, replica: FakeReplica) -> None:
        self.watch_candidate = replica.watch_candidate
        self._follower = replica.follower

    @property
    def candidate(self) -> FollowedCandidate | None:
        """What is to be served to some nodes first."""
        return self._follower.candidate

    @property
    def standing(self) -> Standing:
        """What stands in the store."""
        return self._follower.standing


class MovingEnvoy:
    """An Envoy, and what it must not be told.

    Attributes:
        node_id: who it is.
        replica: where it is.
    """

    def __init__(self, replica: FakeReplica, node_id: str) -> None:
        self.node_id = node_id
        self._envoy = FakeEnvoy()
        self._now_s = 0.0
        self.move(replica)

    def move(self, replica: FakeReplica) -> None:
        """Go to a replica, also to the same one again, with the versions that it has."""
        self.replica = replica
        self._known = {type_url: dict(versions) for type_url, versions in self._envoy.recorded.items()}
        self._session = DeltaSession()
        self._envoy.connect()

    def take(self) -> int:
        """Take all that there is to say, and check that it is what there is; return how many responses it was."""
        count = 0
        for response in self._responses():
            count += 1
            self._check_news(response)
            self._envoy.read(response, Random(0))
            self._envoy.finish_draining()
        self._check_held()
        return count

    def _responses(self) -> Iterator[Response]:
        self._session.offer(self.replica.snapshot(self.node_id))
        while True:
            self._now_s += _PAUSE_S
            while self._envoy.outbox:
                self._session.receive(self._envoy.outbox.popleft(), self._now_s)
            response = self._session.next_response(self._now_s)
            if response is not None:
                yield response
            elif not self._envoy.outbox:
                return

    def _check_news(self, response: Response) -> None:
        """Check that it has not got what it is told; endpoints are sent to whoever comes: Envoy may wait for them."""
        if response.type_url == names.ENDPOINT:
            return
        known = self._known[response.type_url]
        told = [each.name for each in response.resources if known.get(each.name) == each.version]
        assert told == [], f"it is told what it has: {told}"

    def _check_held(self) -> None:
        snapshot = self.replica.snapshot(self.node_id)
        if snapshot is None:
            return
        for type_url in (names.CLUSTER, names.LISTENER, names.ROUTE_CONFIGURATION):
            there = {name: each.body for name, each in snapshot.of(type_url).items()}
            held = {name: each.body for name, each in self._envoy.held[type_url].items()}
            assert held == there, f"it has other resources than its replica: {type_url}"
        self._known = {type_url: {} for type_url in self._known}
