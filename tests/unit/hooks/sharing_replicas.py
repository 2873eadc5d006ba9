"""Replicas that share replies through a store in memory, and a server that never says the same twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio import lowlevel, wait_all_tasks_blocked
from anyio.abc import TaskGroup

from egxds.errors import FailureReason
from egxds.etcd.operations import EtcdStore
from egxds.generated.envoygateway.extension import PostRouteModifyResponse
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.replies.check import CallResult, RouteEdit
from egxds.hooks.shared.answers import Answer, Asked, Reasons, Sharing
from egxds.hooks.shared.keys import ReplyKeys
from egxds.hooks.shared.replies import LEASE_S, SharedReplies
from egxds.hooks.shared.sharing import SharedAnswers
from egxds.settings.etcd import EtcdSource
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.unit.hooks.extensions import manager

KEYS = ReplyKeys("/egxds/")
FAILURE = HookFailure(FailureReason.STATUS, "INTERNAL: broken", "INTERNAL")


async def _at_once() -> None:
    await lowlevel.checkpoint()


def call_about(subject: str, **more: Any) -> HookCall:
    """Return a call about a route."""
    return HookCall("authz", Hook.ROUTE, subject, subject.encode(), **more)


@dataclass
class Server:
    """An extension server: each of its answers is another one.

    Attributes:
        asked: subjects of its calls, in their order.
        fails: how many of the next calls fail.
        before: awaited before each answer.
        padding: bytes that make its answers larger.
        says_always: what it says each time; empty where that is another thing.
    """

    asked: list[str] = field(default_factory=list)
    fails: int = 0
    before: Callable[[], Awaitable[None]] = _at_once
    padding: bytes = b""
    says_always: bytes = b""

    async def ask(self, call: HookCall) -> Answer:
        """Answer a call."""
        self.asked.append(call.subject)
        number = len(self.asked)
        await self.before()
        if self.fails:
            self.fails -= 1
            return Answer(FAILURE, FAILURE)
        said = self.says_always or f"{call.subject} {number} ".encode() + self.padding
        reply = HookReply(PostRouteModifyResponse(route=said), len(said))
        return Answer(reply, await judge(call, reply))


class LeasingEtcd(FakeEtcd):
    """A client that knows which of its leases end with its process.

    Attributes:
        short: these.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__(cluster)
        self.short: list[int] = []

    async def grant_lease(self, ttl_s: int) -> int:
        """See `EtcdStore`."""
        lease = await super().grant_lease(ttl_s)
        if ttl_s == LEASE_S:
            self.short.append(lease)
        return lease


async def judge(_call: HookCall, reply: HookReply) -> CallResult:
    """Take a reply as it is."""
    assert isinstance(reply.message, PostRouteModifyResponse)
    return RouteEdit(reply.message.route or b"")


@dataclass
class Replica:
    """One process.

    Attributes:
        server: that it asks.
        cluster: that it shares through.
        manager: the extension, as its settings have it.
        losses: how often it has lost its connection to the server.
        wishes: how often it was told to ask again.
        renewed: how often it is to ask everything again.
    """

    server: Server
    cluster: FakeCluster
    more: dict[str, Any] = field(default_factory=dict)
    manager: ExtensionManager = field(default_factory=lambda: manager(timeout="20s"))
    losses: int = 0
    wishes: int = 0
    renewed: int = 0
    etcd: LeasingEtcd = field(init=False)
    replies: SharedReplies = field(init=False)
    sharing: Sharing = field(init=False)
    life: anyio.CancelScope = field(init=False)

    def __post_init__(self) -> None:
        self.etcd = LeasingEtcd(self.cluster)
        source = EtcdSource.model_validate({"endpoints": ["https://127.0.0.1:1"], **self.more})
        self.replies = SharedReplies(source, self._connect, Metrics())
        reasons = lambda: Reasons(self.losses, self.wishes)  # noqa: E731 it is one of several
        asked = Asked(self.server.ask, judge, reasons, lambda: None, self._wish)
        self.sharing = self.replies.share(self.manager, asked)

    @asynccontextmanager
    async def _connect(self, _source: EtcdSource) -> AsyncIterator[EtcdStore]:
        await lowlevel.checkpoint()
        yield self.etcd

    def _wish(self) -> None:
        self.wishes += 1

    def _renew(self) -> None:
        self.renewed += 1

    async def live(self) -> None:
        """Work until it is ended."""
        with anyio.CancelScope() as self.life:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.replies.work)
                tasks.start_soon(self.sharing.watch, self._renew)

    def die(self) -> None:
        """End as a process that is killed: nobody is told, and its leases end by their time."""
        self.cut_off()
        self.life.cancel()

    def cut_off(self) -> None:
        """Have nothing get through for so long that its leases end."""
        self.etcd.is_cut_off = True
        for lease in self.etcd.short:
            self.cluster.end_lease(lease)

    def held(self) -> list[int]:
        """Return the leases that say that it is there."""
        link = self.replies._link
        return [link.lease_id] if link is not None else []

    @property
    def is_at_rest(self) -> bool:
        """Whether it shares replies, and owes the others nothing."""
        assert isinstance(self.sharing, SharedAnswers)
        return bool(self.held()) and not self.etcd.is_cut_off and not self.sharing.is_owed

    @property
    def epoch(self) -> int:
        """What it knows."""
        assert isinstance(self.sharing, SharedAnswers)
        return self.sharing.epoch.known or 0

    async def ask(self, subject: str = "a", **more: Any) -> bytes | HookFailure:
        """Return what it goes by for a call."""
        result = (await self.sharing.answer(call_about(subject, **more))).result
        assert isinstance(result, RouteEdit | HookFailure)
        return result.body if isinstance(result, RouteEdit) else result


@dataclass
class Fleet:
    """Replicas of one server and one store."""

    tasks: TaskGroup
    server: Server = field(default_factory=Server)
    cluster: FakeCluster = field(default_factory=FakeCluster)

    async def replica(self, **more: Any) -> Replica:
        """Start one more, and wait until it does what it does."""
        made = Replica(self.server, self.cluster, more)
        self.tasks.start_soon(made.live)
        await wait_all_tasks_blocked()
        return made

    async def all_ask(self, *replicas: Replica, subject: str = "a") -> list[bytes | HookFailure]:
        """Have several ask the same at once."""
        found: dict[int, bytes | HookFailure] = {}

        async def ask(at: int) -> None:
            found[at] = await replicas[at].ask(subject)

        async with anyio.create_task_group() as tasks:
            for at in range(len(replicas)):
                tasks.start_soon(ask, at)
        return [found[at] for at in range(len(replicas))]


@asynccontextmanager
async def fleet() -> AsyncIterator[Fleet]:
    """Have replicas live for as long as the block runs."""
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            yield Fleet(tasks)
            tasks.cancel_scope.cancel()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a fact."""
    with anyio.fail_after(20):
        while not is_so():  # noqa: ASYNC110 a fact that nobody tells
            await anyio.sleep(0.005)
        await wait_all_tasks_blocked()
