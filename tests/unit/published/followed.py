"""A follower at work on a store in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio import wait_all_tasks_blocked

from egxds.etcd.operations import Get
from egxds.files.reading.content import ReadLimits
from egxds.published.candidate import FollowedCandidate
from egxds.published.following import Follower
from egxds.published.generation import Generation
from egxds.published.standing import Standing
from tests.etcd_fake import FakeEtcd
from tests.unit.published.store import LAYOUT, Store, route

FILES = {f"routes/{number}.yaml": route(f"r{number}") for number in range(40)}


@dataclass
class Following:
    """A follower at work, and what it has said and handed on; of candidates also what was in memory beside them."""

    client: FakeEtcd
    follower: Follower = field(init=False)
    handed_on: list[Generation] = field(default_factory=list)
    said: list[Standing] = field(default_factory=list)
    candidates: list[FollowedCandidate | None] = field(default_factory=list)
    bases: list[Generation | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.follower = Follower(self._take, self.said.append, self._take_candidate)

    def _take(self) -> None:
        assert self.follower.newest is not None
        self.handed_on.append(self.follower.newest)

    def _take_candidate(self) -> None:
        self.candidates.append(self.follower.candidate)
        self.bases.append(self.follower.newest)

    @property
    def standing(self) -> Standing:
        """How things are."""
        return self.follower.standing

    def texts(self) -> dict[str, str]:
        """Return what is in memory."""
        assert self.follower.newest is not None
        return {path: "".join(held.pieces()) for path, held in self.follower.newest.documents.items()}


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a fact."""
    with anyio.fail_after(20):
        while not is_so():  # noqa: ASYNC110 a fact that nobody tells
            await anyio.sleep(0.005)
        await wait_all_tasks_blocked()


@asynccontextmanager
async def following(
    store: Store, limits: ReadLimits | None = None, kept: Generation | None = None
) -> AsyncIterator[Following]:
    """Follow a store for as long as the block runs, from what was kept on."""
    client, generations = store.generations(limits)
    found = Following(client)
    if kept is not None:
        found.follower.resume(kept.documents, kept.origin.encode() if kept.origin is not None else "")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(found.follower.follow, generations)
        yield found
        tasks.cancel_scope.cancel()


def fetched(client: FakeEtcd) -> list[str]:
    """Return the keys of buckets and blobs that were asked for."""
    asked = [each.key for operations in client.operations for each in operations if isinstance(each, Get)]
    return [key for key in asked if key.startswith((LAYOUT.buckets, LAYOUT.blobs))]
