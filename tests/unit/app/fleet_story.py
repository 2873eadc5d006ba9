"""A store, replicas of it and Envoys of these, to which things happen, and what must be so at every moment."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import anyio

from egxds.errors import EgxdsError
from egxds.files.reading.content import ReadLimits
from egxds.published.candidate import Candidate, taken_back
from egxds.published.content import content_of
from egxds.published.ending_candidate import promote, take_back
from egxds.published.publishing import Publisher
from egxds.published.putting_candidate import Canary, put_candidate
from egxds.published.reading import Generations, Seen
from egxds.published.record import Origin
from egxds.published.rolling_back import roll_back
from egxds.published.sweeping import sweep
from tests.envoy.manifests import backend, gateway, http, http_route
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.unit.app.fleet import FakeReplica, MovingEnvoy, Served, served_of
from tests.unit.published.store import LAYOUT

Files = Mapping[str, str]
REPLICAS, ENVOYS, KEEP = 3, 2, 2
CANARY = "envoy-0"
LIMIT_S = 20.0
_FIXED = {"web.yaml": gateway("web", http(8000)), "echo.yaml": backend("echo", 3000), "own.yaml": backend("own", 3001)}
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def site(routes: Mapping[str, str]) -> Files:
    """Return files of a Gateway with some routes, each to a backend."""
    written = {f"{name}.yaml": http_route(name, f"{name}.test", backend) for name, backend in routes.items()}
    return {**_FIXED, **written}


Step = tuple[str, Files | int | tuple[int, int] | None]


class Story:
    """A store, replicas of it, Envoys of these, and what must be so."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self._client = FakeEtcd(self.cluster)
        self._generations = Generations(self._client, LAYOUT, ReadLimits())
        self._served: dict[str, Served] = {}
        self._replicas: list[FakeReplica] = []
        self._running: list[anyio.CancelScope] = []
        self._envoys: list[MovingEnvoy] = []
        self._lives: list[list[FakeReplica]] = [[] for _ in range(REPLICAS)]
        self._head = 0

    async def tell(self, steps: Sequence[Step], limit_s: float = LIMIT_S) -> None:
        """Live through some steps, and what follows when all is well again."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            await self._publish(site({}))
            self._backup = self.cluster.backup()
            for which in range(REPLICAS):
                self._replicas.append(FakeReplica(self.cluster))
                self._running.append(anyio.CancelScope())
                self._start(which)
            await self._catch_up(limit_s)
            self._envoys = [MovingEnvoy(self._replicas[at % REPLICAS], f"envoy-{at}") for at in range(ENVOYS)]
            for step in steps:
                await self._happen(step, limit_s)
                await self._catch_up(limit_s)
                self._check()
            await self._settle(limit_s)
            tasks.cancel_scope.cancel()

    async def _happen(self, step: Step, limit_s: float) -> None:
        match step:
            case "publish", dict(files):
                await self._publish(files)
            case "put", dict(files):
                await self._put_candidate(files)
            case "promote", _:
                await self._promote(limit_s)
            case "take back", _:
                await self._take_back()
            case "roll back", _:
                with suppress(EgxdsError):
                    self._head = (await roll_back(self._generations, self._head - 1, _origin())).record.generation
            case "sweep", _:
                with suppress(EgxdsError):
                    await sweep(self._generations, KEEP)
            case str(what), None:
                self._happen_to_store(what)
            case "move", (int(envoy), int(which)):
                self._envoys[envoy].move(self._replicas[which])
            case str(what), int(which):
                self._happen_to(what, which)

    def _happen_to_store(self, what: str) -> None:
        match what:
            case "compact":
                self.cluster.compact(self.cluster.revision)
            case "fail before":
                self._client.fail_before()
            case "fail after":
                self._client.fail_after()
            case "back up":
                self._backup = self.cluster.backup()
            case "restore":
                self.cluster.restore(self._backup)

    def _happen_to(self, what: str, which: int) -> None:
        replica = self._replicas[which]
        match what:
            case "cut off":
                replica.client.is_cut_off = True
            case "let through":
                self._let_through(replica)
            case "break watches":
                replica.client.break_watches()
                replica.follower.look_again()
            case "restart":
                self._running[which].cancel()
                again = self._replicas[which] = FakeReplica(self.cluster, replica.follower.newest)
                again.client.is_cut_off = replica.client.is_cut_off
                self._start(which)
                for envoy in self._envoys:
                    if envoy.replica is replica:
                        envoy.move(again)

    def _start(self, which: int) -> None:
        replica, scope = self._replicas[which], anyio.CancelScope()
        replica.stores.subscribe(CANARY, partial(self._look_at, replica))
        self._running[which] = scope
        self._lives[which].append(replica)

        async def run() -> None:
            with scope:
                await replica.run()

        self._tasks.start_soon(run)

    @staticmethod
    def _let_through(replica: FakeReplica) -> None:
        replica.client.is_cut_off = False
        # It would look by itself within a second.
        replica.follower.look_again()

    async def _publish(self, files: Files) -> None:
        content = content_of({path: text.encode() for path, text in files.items()})
        self._served[content.digest] = await served_of(files)
        with suppress(EgxdsError):
            await Publisher(self._generations).publish(content, _origin())
        found = (await self._generations.look()).head if not self._client.faults else None
        self._head = found.generation if found is not None else self._head

    async def _put_candidate(self, files: Files) -> None:
        content = content_of({path: text.encode() for path, text in files.items()})
        self._served[content.digest] = await served_of(files)
        with suppress(EgxdsError):
            await put_candidate(self._generations, content, _origin(), Canary((CANARY,), 0))

    async def _promote(self, limit_s: float) -> None:
        found = (await self._seen()).found
        if found.live is None:
            return
        envoy = self._envoys[0]
        had = envoy.replica.served(CANARY)
        is_had = envoy.replica.stores.candidate is not None
        with suppress(EgxdsError):
            await promote(self._generations, found.live, found.put_at)
        await self._catch_up(limit_s, is_taken=False)
        if is_had and envoy.replica.served(CANARY) == had:
            assert envoy.take() == 0, "who had it before all is told something when all have it"

    async def _take_back(self) -> None:
        found = (await self._seen()).found
        if found.live is not None:
            withdrawn = taken_back(found.live, "somebody's word", _WHEN, "kim")
            with suppress(EgxdsError):
                await take_back(self._generations, found.put_at, withdrawn)

    async def _seen(self) -> Seen:
        """Look at the store, whatever fails otherwise."""
        return await Generations(FakeEtcd(self.cluster), LAYOUT, ReadLimits()).look()

    async def _catch_up(self, limit_s: float, *, is_believed: bool = False, is_taken: bool = True) -> None:
        """Wait until who is not cut off serves what is at the head, and the candidate; Envoys take what is served.

        Args:
            limit_s: for how long.
            is_taken: whether Envoys take it, too.
            is_believed: whether somebody has given their word, so that nobody stays with what etcd had once.
        """
        seen = await self._seen()
        with anyio.fail_after(limit_s):
            for replica in self._replicas:
                # Nobody tells when a replica is there.
                while not _is_there(replica, seen, is_believed=is_believed):  # noqa: ASYNC110
                    await anyio.sleep(0.001)
        for envoy in self._envoys if is_taken else ():
            envoy.take()

    def _check(self) -> None:
        for replica in self._replicas:
            if replica.in_force:
                expected = self._served[replica.in_force[-1].digest]
                assert replica.served() == expected, "it serves something else than its generation"
            self._check_candidate(replica)
        for lives in self._lives:
            numbers = [each.number for life in lives for each in life.in_force]
            assert numbers == sorted(numbers), "it went back"

    def _check_candidate(self, replica: FakeReplica) -> None:
        for envoy in self._envoys[1:]:
            assert replica.served(envoy.node_id) == replica.served(), "somebody else is served the candidate"
        if replica.stores.candidate is not None and replica.follower.candidate is not None:
            digest = replica.follower.candidate.candidate.record.digest
            assert replica.served(CANARY) == self._served[digest], "it serves something else than its candidate"

    def _look_at(self, replica: FakeReplica) -> None:
        """Check what the node is served from the moment on in which it is served something else."""
        assert replica.served(CANARY) in self._served.values(), "its node is served half of a candidate"

    async def _settle(self, limit_s: float) -> None:
        self._client.faults.clear()
        for replica in self._replicas:
            self._let_through(replica)
        await self._publish(site({"last": "own"}))
        await self._catch_up(limit_s)
        self._check()
        for lives, replica in zip(self._lives, self._replicas, strict=True):
            # It may go back now.
            lives.clear()
            replica.follower.follow_anyway()
        await self._catch_up(limit_s, is_believed=True)
        self._check()
        await self._put_candidate(site({"very": "own", "last": "own"}))
        await self._catch_up(limit_s)
        self._check()
        assert all(replica.stores.candidate is not None for replica in self._replicas)
        await self._promote(limit_s)
        await self._catch_up(limit_s)
        self._check()
        nodes = ("", *(envoy.node_id for envoy in self._envoys))
        everything = itertools.product(self._replicas, nodes)
        assert len({tuple(sorted(replica.served(node).items())) for replica, node in everything}) == 1
        for envoy, replica in itertools.product(self._envoys, self._replicas):
            envoy.move(replica)
            envoy.take()


def _is_there(replica: FakeReplica, seen: Seen, *, is_believed: bool) -> bool:
    """Tell whether a replica serves all that it is to serve for now."""
    newest, in_force = replica.follower.newest, replica.in_force
    if newest is None or newest.origin is None or not in_force or in_force[-1] != newest.origin:
        return newest is None and replica.client.is_cut_off
    stays = bool(replica.follower.standing.gone_back) and not is_believed
    if replica.client.is_cut_off or stays:
        return True
    is_at_head = seen.head is not None and newest.origin.digest == seen.head.digest
    return is_at_head and _has_candidate(replica, seen.candidate)


def _has_candidate(replica: FakeReplica, live: Candidate | None) -> bool:
    """Tell whether a replica serves the candidate that there is, or none where there is none."""
    found, facts = replica.follower.candidate, replica.candidate.facts()
    if live is None or found is None:
        return live is None and found is None and replica.stores.candidate is None
    return found.candidate == live and facts is not None and facts.is_settled


def _origin() -> Origin:
    return Origin("kim", _WHEN)
