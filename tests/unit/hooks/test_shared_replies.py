"""Replies are shared: one replica asks, and all go by what it was told, whatever dies or fails when."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from egxds import names
from egxds.etcd.errors import NoSpaceError, PermissionDeniedError
from egxds.etcd.operations import Delete, Put
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.replies.check import CallResult, RouteEdit
from egxds.hooks.shared.answers import Unshared
from egxds.hooks.shared.sharing import SharedAnswers
from egxds.hooks.shared.stored import CLAIM, PART_BYTES
from tests.etcd_fake import FakeCluster
from tests.unit.hooks.extensions import manager
from tests.unit.hooks.sharing_replicas import FAILURE, KEYS, Replica, Server, call_about, fleet, until

pytestmark = pytest.mark.anyio


def said(cluster: FakeCluster) -> list[bytes]:
    """Return what stands in the store for requests."""
    return [each.value for key, each in cluster.keys.items() if key.startswith(f"{KEYS.all}said/")]


async def test_a_hook_is_called_once_for_all_replicas() -> None:
    """Though it would say something else to each of them."""
    async with fleet() as those:
        replicas = [await those.replica() for _ in range(3)]
        answers = await those.all_ask(*replicas)
        assert answers == [answers[0]] * 3
        assert those.server.asked == ["a"]
        assert await replicas[2].ask("b") == await replicas[0].ask("b")
        assert those.server.asked == ["a", "b"]


async def test_a_replica_that_comes_later_goes_by_what_the_others_were_told() -> None:
    """Somebody has been there all the time."""
    async with fleet() as those:
        first = await those.replica()
        answer = await first.ask()
        later = await those.replica()
        assert await later.ask() == answer
        assert those.server.asked == ["a"]


async def test_where_nobody_was_there_everything_is_asked_anew() -> None:
    """The server may be another one by now, and nobody would know."""
    async with fleet() as those:
        first = await those.replica()
        answer = await first.ask()
        first.die()
        second = await those.replica()
        assert await second.ask() != answer
        assert those.server.asked == ["a", "a"]


@pytest.mark.parametrize("steps", range(8))
async def test_replicas_that_start_together_begin_one_epoch(steps: int) -> None:
    """Wherever one of them is held up."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        goes_on = anyio.Event()
        left = steps

        async def hold_up() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                await goes_on.wait()

        first.etcd.before = hold_up
        found: list[object] = []

        async def ask(replica: Replica) -> None:
            found.append(await replica.ask())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, first)
            await wait_all_tasks_blocked()
            tasks.start_soon(ask, second)
            await wait_all_tasks_blocked()
            goes_on.set()
        assert set(found) == {b"a 1 "}
        assert first.renewed == second.renewed == 0


async def test_another_replica_asks_where_the_one_that_asks_dies() -> None:
    """Its claim ends with it."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        never = anyio.Event()
        those.server.before = never.wait
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first.ask)
            await until(lambda: those.server.asked == ["a"])
            found: list[object] = []

            async def ask() -> None:
                found.append(await second.ask())

            tasks.start_soon(ask)
            await wait_all_tasks_blocked()
            assert those.server.asked == ["a"]
            those.server.before = anyio.lowlevel.checkpoint
            first.die()
            await until(lambda: bool(found))
            never.set()
        assert found == [b"a 2 "]


@pytest.mark.parametrize("end", ["fails", "is cancelled"])
async def test_another_replica_asks_where_a_call_comes_to_nothing(end: str) -> None:
    """Its claim goes with it."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        goes_on = anyio.Event()
        those.server.before = goes_on.wait
        found: list[object] = []

        async def ask(replica: Replica) -> None:
            found.append(await replica.ask())

        async with anyio.create_task_group() as tasks:
            async with anyio.create_task_group() as run:
                run.start_soon(ask, first)
                await until(lambda: those.server.asked == ["a"])
                tasks.start_soon(ask, second)
                await wait_all_tasks_blocked()
                those.server.before = anyio.lowlevel.checkpoint
                if end == "fails":
                    those.server.fails = 1
                    goes_on.set()
                else:
                    run.cancel_scope.cancel()
            await until(lambda: b"a 2 " in found)
        assert said(those.cluster) != [CLAIM]


async def test_a_failure_is_nobody_elses() -> None:
    """Each replica asks by itself then, and what one is told by an extension that works again, all go by."""
    async with fleet() as those:
        replicas = [await those.replica() for _ in range(3)]
        those.server.fails = 3
        answers = await those.all_ask(*replicas)
        assert all(isinstance(each, HookFailure) for each in answers)
        assert said(those.cluster) == []
        answers = await those.all_ask(*replicas)
        assert answers == [answers[0]] * 3
        assert len(those.server.asked) == 4


async def test_without_the_store_each_asks_and_then_all_go_by_one() -> None:
    """Everything is asked again, and what nobody had said there is asked once."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        before = await first.ask()
        for replica in (first, second):
            replica.etcd.is_cut_off = True
        await until(lambda: bool(first.replies.notes() and second.replies.notes()))
        alone = await those.all_ask(first, second, subject="b")
        assert alone[0] != alone[1]
        renewed = first.renewed
        for replica in (first, second):
            replica.etcd.is_cut_off = False
        await until(lambda: not first.replies.notes() and not second.replies.notes())
        assert first.renewed == renewed + 1
        assert second.sharing.changes == 1
        again = await those.all_ask(first, second, subject="b")
        assert again[0] == again[1]
        assert await second.ask() == before
        assert len(those.server.asked) == 4


async def test_a_store_that_does_not_answer_is_as_one_that_is_away() -> None:
    """A call waits for it no longer than it may, and what it was told alone is settled later."""
    async with fleet() as those:
        replica = Replica(those.server, those.cluster, manager=manager(timeout="100ms"))
        those.tasks.start_soon(replica.live)
        await wait_all_tasks_blocked()
        await replica.ask("b")
        answers = anyio.Event()
        replica.etcd.before = answers.wait
        assert await replica.ask() == b"a 2 "
        assert "in time" in replica.replies.notes()[0]
        answers.set()
        await until(lambda: replica.is_at_rest)
        assert replica.renewed == 1


async def test_a_store_that_does_not_take_a_reply_keeps_nobody_waiting() -> None:
    """The extension has answered, and that is gone by; it is settled later with the others."""
    async with fleet() as those:
        replica = Replica(those.server, those.cluster, manager=manager(timeout="100ms"))
        those.tasks.start_soon(replica.live)
        await wait_all_tasks_blocked()
        await replica.ask("b")
        answers = anyio.Event()

        async def hang() -> None:
            await anyio.lowlevel.checkpoint()
            replica.etcd.before = answers.wait

        those.server.before = hang
        assert await replica.ask() == b"a 2 "
        assert "in time" in replica.replies.notes()[0]
        those.server.before = anyio.lowlevel.checkpoint
        answers.set()
        await until(lambda: replica.is_at_rest)
        assert replica.renewed == 1


@pytest.mark.parametrize("held_up", ["the one that waits", "the one that asks"])
async def test_a_connection_that_is_lost_and_back_within_a_call_leaves_nothing_owed(held_up: str) -> None:
    """When the call ends the next connection stands, which nothing was owed on when it was made."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        await those.all_ask(first, second, subject="b")
        goes_on = anyio.Event()
        those.server.before = goes_on.wait
        flaps = second if held_up == "the one that waits" else first
        found: dict[int, bytes | HookFailure] = {}

        async def ask(at: int, replica: Replica) -> None:
            found[at] = await replica.ask()

        async with anyio.create_task_group() as asking:
            asking.start_soon(ask, 0, first)
            await wait_all_tasks_blocked()
            asking.start_soon(ask, 1, second)
            await wait_all_tasks_blocked()
            link = flaps.replies._link
            flaps.etcd.break_watches()
            await until(lambda: flaps.replies._link not in {None, link})
            goes_on.set()
        await until(lambda: first.is_at_rest and second.is_at_rest)
        if found[0] != found[1]:
            assert first.renewed + second.renewed
        again = await those.all_ask(first, second)
        assert again[0] == again[1]


async def test_a_server_that_all_lose_is_asked_once_again_by_one_of_them() -> None:
    """By whoever comes first; each has a connection of its own."""
    async with fleet() as those:
        replicas = [await those.replica() for _ in range(3)]
        before = await those.all_ask(*replicas)
        for replica in replicas:
            replica.losses += 1
        after = await those.all_ask(*replicas)
        assert after == [after[0]] * 3
        assert after != before
        assert len(those.server.asked) == 2
        assert len({replica.epoch for replica in replicas}) == 1
        assert await replicas[0].ask() == after[0]


async def test_a_loss_that_is_noticed_a_moment_later_is_the_same_one() -> None:
    """Connections do not end in one moment."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        await those.all_ask(first, second)
        first.losses += 1
        after = await first.ask()
        await wait_all_tasks_blocked()
        assert second.renewed == 1
        second.losses += 1
        assert await second.ask() == after
        assert first.renewed == 0
        assert len(those.server.asked) == 2


async def test_what_one_replica_wants_to_ask_again_all_ask_again() -> None:
    """A wish is never taken for another one's."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        await those.all_ask(first, second)
        for _ in range(2):
            first.wishes, renewed = first.wishes + 1, second.renewed
            after = await first.ask()
            await wait_all_tasks_blocked()
            assert second.renewed == renewed + 1
            assert await second.ask() == after
        second.wishes += 1
        assert await second.ask() == b"a 4 "


async def test_a_reply_that_was_of_no_use_is_asked_for_anew() -> None:
    """What stands in the store would be that for ever; where something else is said, all ask again."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        await those.all_ask(first, second)
        anew = (await second.sharing.answer_anew(call_about("a"))).result
        assert anew == RouteEdit(b"a 2 ")
        assert second.renewed == 1
        after = await second.ask()
        await wait_all_tasks_blocked()
        assert first.renewed == 1
        assert await first.ask() == after == b"a 3 "
        those.server.says_always = b"the same"
        second.wishes += 1
        await those.all_ask(first, second)
        renewed = first.renewed, second.renewed
        await first.sharing.answer_anew(call_about("a"))
        assert (first.renewed, second.renewed) == renewed


async def test_a_replica_that_was_cut_off_takes_the_epoch_of_now() -> None:
    """And asks everything again."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica()
        await those.all_ask(first, second)
        second.etcd.is_cut_off = True
        await until(lambda: bool(second.replies.notes()))
        first.wishes += 1
        after = await first.ask()
        second.etcd.is_cut_off = False
        await until(lambda: not second.replies.notes())
        assert second.renewed == 1
        assert await second.ask() == after
        assert second.sharing.changes == 1


async def test_a_replica_that_is_linked_again_goes_by_a_store_that_was_restored() -> None:
    """Also where it has nothing to ask: others that have go by the epoch that stands there."""
    async with fleet() as those:
        replica = await those.replica()
        await replica.ask()
        backup, before = those.cluster.backup(), replica.epoch
        replica.wishes += 1
        await replica.ask()
        renewed = replica.renewed
        those.cluster.restore(backup)
        await until(lambda: replica.renewed > renewed)
        assert replica.epoch == before


async def test_a_replica_is_present_as_soon_as_it_is_linked_again() -> None:
    """What stands there holds for whoever starts then, though the other one has asked for nothing since."""
    async with fleet() as those:
        first = await those.replica()
        before = await first.ask()
        first.cut_off()
        await until(lambda: bool(first.replies.notes()))
        first.etcd.is_cut_off = False
        await until(lambda: not first.replies.notes())
        assert await (await those.replica()).ask() == before


@pytest.mark.parametrize("damage", [b"", b"C?", b"R", b"P" + bytes(36), b"R" + bytes(40), b"\xff" * 200])
async def test_what_stands_there_and_is_no_reply_is_asked_for_and_replaced(damage: bytes) -> None:
    """It is input from outside."""
    async with fleet() as those:
        first = await those.replica()
        await first.ask()
        (key,) = [key for key in those.cluster.keys if "/said/" in key]
        those.cluster.apply([Put(key, damage)])
        second = await those.replica()
        assert await second.ask() == b"a 2 "
        assert await (await those.replica()).ask() == b"a 2 "


async def test_a_slow_extension_is_not_taken_for_a_slow_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what another one was told does not pass here, it is asked here, and takes the time that it takes."""
    monkeypatch.setattr("egxds.hooks.shared.sharing._STORE_S", 0.1)
    async with fleet() as those:
        await (await those.replica()).ask()
        picky = Replica(those.server, those.cluster, manager=manager(timeout="100ms"))
        those.tasks.start_soon(picky.live)
        await wait_all_tasks_blocked()
        assert isinstance(picky.sharing, SharedAnswers)

        async def judge(_call: HookCall, _reply: HookReply) -> CallResult:
            await anyio.lowlevel.checkpoint()
            return FAILURE

        async def dawdle() -> None:
            await anyio.sleep(0.3)

        picky.sharing._asked = replace(picky.sharing._asked, judge=judge)
        those.server.before = dawdle
        assert await picky.ask() == b"a 2 "
        assert those.server.asked == ["a", "a"]
        assert picky.is_at_rest


async def test_a_large_reply_stands_in_parts() -> None:
    """Each of which fits into a request; where one is gone, it is asked for."""
    async with fleet() as those:
        those.server.padding = random.Random(1).randbytes(3 * PART_BYTES)
        first, second = await those.replica(), await those.replica()
        answer = await first.ask()
        parts = [key for key in those.cluster.keys if "/parts/" in key]
        assert len(parts) > 1
        assert all(len(those.cluster.keys[key].value) <= PART_BYTES for key in parts)
        assert await second.ask() == answer
        those.cluster.apply([Delete(parts[0])])
        assert await second.ask() != answer
        assert len(those.server.asked) == 2


async def test_a_reply_that_is_too_large_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each asks by itself, and nobody waits for another one."""
    monkeypatch.setattr("egxds.hooks.shared.stored.LARGEST_BODY_BYTES", 8)
    async with fleet() as those:
        replicas = [await those.replica() for _ in range(2)]
        await those.all_ask(*replicas)
        assert len(those.server.asked) == 2
        assert said(those.cluster) == []


async def test_secrets_are_shared_where_that_is_said() -> None:
    """Of the types that a Translation call includes."""
    async with fleet() as those:
        more: dict[str, Any] = {"included": (names.LISTENER, names.SECRET)}
        shy = await those.replica()
        await shy.ask(**more)
        assert said(those.cluster) == []
        open_ones = [await those.replica(allowSecrets=True) for _ in range(2)]
        answers = [await each.ask(**more) for each in open_ones]
        assert answers[0] == answers[1]
        assert len(said(those.cluster)) == 1


async def test_replies_are_encrypted_where_there_is_a_key(tmp_path: Path) -> None:
    """Then they may hold Secrets; and who has another key shares nothing with the others."""
    for name in ("key", "other"):
        (tmp_path / name).write_bytes(name.encode().ljust(32, b"."))
    async with fleet() as those:
        replicas = [Replica(those.server, those.cluster, {"keyFile": str(tmp_path / "key")}) for _ in range(2)]
        other = Replica(those.server, those.cluster, {"keyFile": str(tmp_path / "other")})
        for replica in (*replicas, other):
            those.tasks.start_soon(replica.live)
            await until(lambda made=replica: bool(made.held()))  # type: ignore[misc]
        answers = [await each.ask("secret", included=(names.SECRET,)) for each in replicas]
        assert answers[0] == answers[1] == b"secret 1 "
        assert all(b"secret" not in each.value for each in those.cluster.keys.values())
        assert await other.ask("secret") == b"secret 2 "
        assert await replicas[1].ask("secret") == b"secret 1 "


@pytest.mark.parametrize("error", [PermissionDeniedError("permission denied"), NoSpaceError("the quota is used up")])
async def test_who_may_not_write_asks_alone(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and nothing is asked again and again."""
    async with fleet() as those:
        other = await those.replica()
        await other.ask()
        refused = Replica(those.server, those.cluster)
        transact = refused.etcd.transact

        async def refuse(conditions: object, operations: list[object]) -> object:
            if any(isinstance(each, Put) for each in operations):
                await anyio.lowlevel.checkpoint()
                raise error
            return await transact(conditions, operations)  # type: ignore[arg-type]

        monkeypatch.setattr(refused.etcd, "transact", refuse)
        those.tasks.start_soon(refused.live)
        await until(lambda: bool(refused.replies.notes()))
        assert str(error) in refused.replies.notes()[0]
        assert await refused.ask() == b"a 2 "
        assert refused.renewed == 0


async def test_nothing_is_shared_where_the_settings_say_so() -> None:
    """Nor of functions beside us; and it may be changed while all runs."""
    async with fleet() as those:
        first, second = await those.replica(), await those.replica(shareReplies=False)
        assert await first.ask() != await second.ask()
        assert not second.replies.notes()
        second.replies.follow(first.replies._source)
        await until(lambda: second.renewed == 1)
        assert await second.ask() == await first.ask()
    functions = manager(service={"python": "hooks:Hooks"})
    replica = Replica(Server(), FakeCluster(), manager=functions)
    assert isinstance(replica.sharing, Unshared)


async def test_an_extension_at_another_address_is_another_one() -> None:
    """While settings are about to be others, replicas ask different servers."""
    async with fleet() as those:
        first = await those.replica()
        other = Replica(those.server, those.cluster)
        other.manager = manager(service={"ip": {"address": "127.0.0.1", "port": 6006}}, timeout="20s")
        other.__post_init__()
        those.tasks.start_soon(other.live)
        assert await first.ask() != await other.ask()


async def test_nothing_of_requests_stands_in_the_store() -> None:
    """They may hold what nobody is to read; and what stands for nobody ends by itself."""
    async with fleet() as those:
        replica = await those.replica()
        await replica.ask("secret-of-the-request")
        for key in those.cluster.keys:
            assert "secret" not in key
        leased = set().union(*those.cluster.leases.values())
        assert {key for key in those.cluster.keys if key not in leased} == {KEYS.epoch(replica.manager)}
