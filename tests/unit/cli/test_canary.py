"""`egxds publish --canary`, `promote` and `rollback --candidate`, with an etcd in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from egxds.cli import canary, canary_uptake, history, publish
from egxds.etcd.operations import Delete, Put
from egxds.fleet.envoys import EnvoyRow, Stand, encoded_parts
from egxds.fleet.record import CanaryStand, ReplicaRecord
from egxds.published.candidate import Candidate, decoded_candidate, taken_back
from egxds.published.putting_candidate import CandidatePut, put_candidate
from egxds.published.record import decoded_record
from tests.unit.cli.desk import LAYOUT, Desk, desk
from tests.unit.cli.published_shop import write_route

__all__ = ["desk"]

WHEN = datetime(2026, 3, 1, tzinfo=UTC)
SERVED = "a" * 64


def _head(desk: Desk) -> int:
    return decoded_record(desk.cluster.keys[LAYOUT.head].value).generation


def _candidate(desk: Desk) -> Candidate:
    return decoded_candidate(desk.cluster.keys[LAYOUT.candidate].value)


def _promote(desk: Desk) -> None:
    record = _candidate(desk).record.encode()
    desk.cluster.apply([Put(LAYOUT.generation(2), record), Put(LAYOUT.head, record), Delete(LAYOUT.candidate)])


def _connect(desk: Desk, *nodes: str, stand: Stand = Stand.IN_SYNC) -> None:
    refusals = ("default/cart: no such thing (routes/cart.yaml:1)",) if stand is Stand.REFUSING else ()
    rows = [EnvoyRow(node, "default/web", stand, len(refusals), refusals) for node in nodes]
    parts = encoded_parts(rows)
    desk.cluster.apply([*(Put(f"{LAYOUT.envoys_of('one')}{name}", content) for name, content in parts.items())])


def _say(desk: Desk, name: str = "one", **stand: Any) -> None:
    """Have a replica say how far the candidate has come there."""
    found = CanaryStand(
        put_at=desk.cluster.keys[LAYOUT.candidate].mod_revision, generation=2, is_settled=True, served=SERVED, **stand
    )
    record = ReplicaRecord(name=name, instance="0" * 16, since=WHEN, is_ready=True, generation=1, canary=found)
    desk.cluster.apply([Put(LAYOUT.replica(name), record.encode())])


@pytest.fixture
def cart(desk: Desk) -> Desk:
    """A shop that is published, and in which a file was edited."""
    desk.publish("-m", "opens the shop", "--author", "kim")
    write_route(desk.directory / "config", "cart", 8081)
    return desk


def test_some_nodes_first_and_then_all(cart: Desk) -> None:
    """What is in force for all stays until it is promoted."""
    _connect(cart, "edge-1", "edge-2")
    done = cart.publish("--canary", "edge-2", "--canary", "edge-1", "-m", "moves the cart", "--author", "lee")
    assert "generation 2 is a candidate, after 1, for edge-1, edge-2: 3 files" in done.stdout
    assert "it is promoted after 10m without a fault, or by `egxds promote`" in done.stdout
    assert "+          port_value: 8081" in done.stdout
    assert "warning:" not in done.stderr
    assert _head(cart) == 1
    assert (_candidate(cart).nodes, _candidate(cart).promote_after_s) == (("edge-1", "edge-2"), 600)
    assert cart.run("promote").stdout == "generation 2 is in force for all\n"
    assert (_head(cart), LAYOUT.candidate in cart.cluster.keys) == (2, False)
    done = cart.run("promote")
    assert (done.exit_code, done.stderr) == (1, "egxds: there is no candidate\n")
    assert "nothing is new: generation 2" in cart.publish("--canary", "edge-1").stdout
    items = json.loads(cart.run("history", "-o", "json").stdout)["items"]
    assert [(each["generation"], each["author"], each["message"]) for each in items] == [
        (2, "lee", "moves the cart"),
        (1, "kim", "opens the shop"),
    ]


@pytest.mark.parametrize(
    ("words", "seconds", "said"),
    [
        ((), 600, "after 10m without a fault"),
        (("--for", "1m30s"), 90, "after 90s without a fault"),
        (("--for", "0.2s"), 1, "after 1s without a fault"),
        (("--for", "0"), 0, "`egxds promote` has it in force for all"),
    ],
)
def test_how_long(cart: Desk, words: tuple[str, ...], seconds: int, said: str) -> None:
    """After that time it is promoted by itself; or it is left to somebody."""
    assert said in cart.publish("--canary", "edge-1", *words).stdout
    assert _candidate(cart).promote_after_s == seconds


def test_nodes_that_nobody_knows(cart: Desk) -> None:
    """They may come, so that it is a warning; where it cannot be looked up, that is."""
    _connect(cart, "edge-1")
    done = cart.publish("--canary", "edge-1", "--canary", "edge-9")
    assert "warning: edge-9: no such node is connected to any replica now" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--for", "5m"),
        ("--canary", ""),
        ("--canary", "x" * 257),
        ("--canary", "edge\n1"),
        ("--canary", "edge\udcff"),
        ("--canary", "a", "--for", "1000h"),
        ("--canary", "a", "--for", "soon"),
        ("--canary", "a", "--whole"),
        tuple(word for number in range(1001) for word in ("--canary", f"edge-{number}")),
    ],
)
def test_what_is_asked_for_wrongly(cart: Desk, words: tuple[str, ...]) -> None:
    """Nothing is done: exit 2."""
    before = dict(cart.cluster.keys)
    assert cart.run("publish", "config", *words).exit_code == 2
    assert cart.cluster.keys == before


def test_a_rehearsal(cart: Desk) -> None:
    """Of a candidate as of any generation."""
    done = cart.publish("--canary", "edge-1", "--dry-run")
    assert "nothing was published" in done.stdout
    assert LAYOUT.candidate not in cart.cluster.keys


def test_one_at_a_time(cart: Desk) -> None:
    """The second one is told of the first: exit 3; one that was taken back makes room."""
    cart.publish("--canary", "edge-1", "-m", "moves the cart", "--author", "lee")
    write_route(cart.directory / "config", "cart", 8082)
    done = cart.run("publish", "config", "--canary", "edge-2")
    assert done.exit_code == 3
    assert "generation 2 by lee (moves the cart) is a candidate already, for edge-1: `egxds promote`" in done.stderr
    done = cart.run("rollback", "--candidate", "-m", "no stock", "--author", "lee")
    assert done.stdout == "generation 2, the candidate, is taken back; served what all are again: edge-1\n"
    done = cart.run("rollback", "--candidate")
    assert done.exit_code == 1
    assert "there is no candidate: generation 2 was taken back" in done.stderr
    assert "ago by lee: no stock" in done.stderr
    assert "there is no candidate: generation 2 was taken back" in cart.run("promote").stderr
    cart.publish("--canary", "edge-2")
    assert _candidate(cart).nodes == ("edge-2",)


def test_it_is_compared_as_gen_candidate(cart: Desk) -> None:
    """With what is in force, or with files; it was never in force, so that nobody goes back to it."""
    cart.publish("--canary", "edge-1")
    done = cart.run("diff", "gen:head", "gen:candidate")
    assert (done.exit_code, "+          port_value: 8081" in done.stdout) == (1, True)
    assert cart.run("diff", "gen:candidate", "config").exit_code == 0
    done = cart.run("rollback", "gen:candidate")
    assert (done.exit_code, "`egxds promote` has it so" in done.stderr) == (2, True)
    cart.run("rollback", "--candidate")
    done = cart.run("diff", "gen:head", "gen:candidate")
    assert (done.exit_code, "there is no candidate" in done.stderr) == (2, True)


def test_one_that_somebody_left_who_knows_of_none(cart: Desk) -> None:
    """It comes after what is in force no more: nobody is told of it, and it keeps nobody from another one."""
    cart.publish("--canary", "edge-1")
    written = cart.cluster.keys[LAYOUT.candidate].value
    write_route(cart.directory / "config", "cart", 8082)
    cart.publish()
    cart.cluster.apply([Put(LAYOUT.candidate, written)])
    assert "canary" not in cart.run("history").stdout
    assert cart.run("promote").stderr == "egxds: there is no candidate\n"
    write_route(cart.directory / "config", "cart", 8083)
    cart.publish("--canary", "edge-1")
    assert _candidate(cart).record.generation == 3


def test_history(cart: Desk) -> None:
    """The candidate is shown above what is kept, also while it is no more than a reason."""
    assert json.loads(cart.run("history", "-o", "json").stdout)["candidate"] is None
    cart.publish("--canary", "edge-1", "--canary", "edge-2", "-m", "moves the cart", "--author", "lee")
    words = cart.run("history").stdout.split()
    assert words[6:8] == ["2", "canary"]
    assert "for edge-1, edge-2: moves the cart" in " ".join(words)
    found = json.loads(cart.run("history", "-o", "json").stdout)
    assert [each["inForce"] for each in found["items"]] == [True]
    candidate = found["candidate"]
    assert (candidate["nodes"], candidate["promoteAfterS"], candidate["takenBack"]) == (["edge-1", "edge-2"], 600, None)
    assert (candidate["record"]["generation"], "buckets" in candidate["record"]) == (2, False)
    cart.run("rollback", "--candidate", "-m", "no stock", "--author", "lee")
    assert cart.run("history").stdout.split()[6:9] == ["2", "taken", "back"]
    assert json.loads(cart.run("history", "-o", "json").stdout)["candidate"]["takenBack"]["why"] == "no stock"


def test_what_nobody_needs_is_removed_by_candidates_too(cart: Desk) -> None:
    """Who has all that is published go to some first, and promotes it, would fill the store else."""
    cart.set_up(more=", keep: 2")
    for port in range(8082, 8086):
        write_route(cart.directory / "config", "cart", port)
        done = cart.publish("--canary", "edge-1")
        assert "warning: what no" not in done.stderr
        assert cart.run("diff", "gen:head", "gen:candidate").exit_code == 1
        cart.run("promote")
    kept = [key for key in cart.cluster.keys if key.startswith(LAYOUT.generations)]
    assert kept == [LAYOUT.generation(number) for number in (3, 4, 5)]
    blobs = [each.value for key, each in cart.cluster.keys.items() if key.startswith(LAYOUT.blobs)]
    assert not any(b"8082" in blob for blob in blobs)


@pytest.mark.parametrize(
    ("words", "generation"),
    [(("publish", "config"), 2), (("rollback", "1"), 1)],
)
def test_what_is_in_force_for_all_ends_it(cart: Desk, words: tuple[str, ...], generation: int) -> None:
    """Also where that is in force already: somebody wants it, and not the candidate."""
    cart.publish("--canary", "edge-1", "-m", "moves the cart", "--author", "lee")
    done = cart.run(*words)
    assert done.exit_code == 0, done.output
    assert _head(cart) == generation
    found = cart.cluster.keys.get(LAYOUT.candidate)
    assert found is None or decoded_candidate(found.value).taken_back is not None
    assert "the candidate of lee (moves the cart), for edge-1, has come to its end by that" in done.stdout
    assert "there is no candidate" in cart.run("promote").stderr


@pytest.mark.parametrize(("module", "words"), [(publish, ("publish", "config")), (history, ("rollback", "1"))])
def test_one_that_comes_into_force_before_it_is_ended(cart: Desk, module: ModuleType, words: tuple[str, ...]) -> None:
    """What was wanted for all is in force no more then: that is said as where somebody else publishes (exit 3)."""
    cart.publish("--canary", "edge-1", "-m", "moves the cart", "--author", "lee")
    write_route(cart.directory / "config", "cart", 8080)
    end_candidate = canary.end_candidate

    async def end(*args: Any) -> Candidate | None:
        _promote(cart)
        return await end_candidate(*args)

    with mock.patch.object(module, "end_candidate", end):
        done = cart.run(*words)
    assert done.exit_code == 3
    assert "generation 2 by lee (moves the cart) is in force; nothing was done" in done.stderr
    assert "nothing is new" not in done.stdout


@pytest.mark.parametrize(
    "words", [("rollback",), ("rollback", "1", "--candidate"), ("rollback", "--candidate", "--wait")]
)
def test_what_is_to_be_rolled_back_is_said(cart: Desk, words: tuple[str, ...]) -> None:
    """A generation, or the candidate."""
    assert cart.run(*words).exit_code == 2


def test_what_is_no_candidate(cart: Desk) -> None:
    """Nobody puts another one in its place unseen, or says that there is none; what is published next removes it."""
    cart.cluster.apply([Put(LAYOUT.candidate, b'{"format": 2}')])
    for words in (("promote",), ("rollback", "--candidate"), ("diff", "gen:head", "gen:candidate")):
        done = cart.run(*words)
        assert done.exit_code == (2 if "diff" in words else 1)
        assert "head-candidate: is no candidate: format" in done.stderr
    assert "warning: what is served to some Envoys first cannot be read" in cart.run("history").stderr
    done = cart.run("publish", "config", "--canary", "edge-1")
    assert (done.exit_code, "what is published next for all removes it" in done.stderr) == (1, True)
    cart.publish()
    assert LAYOUT.candidate not in cart.cluster.keys


def _waiting(cart: Desk, then: Callable[[], None], *words: str) -> Any:
    """Publish a candidate and wait; something happens once it is waited for."""
    until_ended = canary_uptake._until_ended

    async def wait(*args: Any) -> None:
        then()
        await until_ended(*args)

    with mock.patch.object(canary_uptake, "_until_ended", wait):
        return cart.run("publish", "config", "--canary", "edge-1", "--wait", *words)


def test_wait(cart: Desk) -> None:
    """Until each canary node that is connected has it."""

    def take_it() -> None:
        _connect(cart, "edge-1")
        _say(cart, connected=1, taken=1)

    done = _waiting(cart, take_it)
    assert (done.exit_code, "1 of 1 canary nodes on 1 replicas have it" in done.stdout) == (0, True)


def test_wait_in_vain(cart: Desk) -> None:
    """What is refused is said, with who and why: exit 1."""

    def refuse_it() -> None:
        _connect(cart, "edge-1", stand=Stand.REFUSING)
        _say(cart, connected=1, refused=1)

    done = _waiting(cart, refuse_it)
    assert done.exit_code == 1
    assert "0 of 1 canary nodes on 1 replicas have it, 1 refuse it" in done.stdout
    assert "Envoy edge-1 at one refuses default/cart: no such thing (routes/cart.yaml:1)" in done.stdout


def test_one_that_ended_before_it_was_known_to_be_there(cart: Desk) -> None:
    """As where the answer was lost, and it was taken back, or promoted, until etcd was asked again."""

    async def put(*args: Any) -> CandidatePut:
        done = await put_candidate(*args)
        assert done.candidate is not None
        return replace(done, candidate=taken_back(done.candidate, "edge-1 refuses it", WHEN, "replica-1"))

    with mock.patch.object(publish, "put_candidate", put):
        done = cart.run("publish", "config", "--canary", "edge-1", "--wait")
    assert done.exit_code == 1
    assert done.stdout.startswith("generation 2 was taken back")
    assert "is a candidate" not in done.stdout
    cart.run("rollback", "--candidate")

    async def promoted(*args: Any) -> CandidatePut:
        done = await put_candidate(*args)
        _promote(cart)
        return replace(done, put_at=0)

    with mock.patch.object(publish, "put_candidate", promoted):
        done = cart.run("publish", "config", "--canary", "edge-1", "--wait")
    assert (done.exit_code, done.stdout.startswith("generation 2 is in force for all by now")) == (0, True)


def test_wait_for_nobody(cart: Desk) -> None:
    """A time passes in which no canary node comes."""
    done = cart.run("publish", "config", "--canary", "edge-1", "--wait", "0.1s")
    assert (done.exit_code, "no canary node is connected to any of 0 replicas" in done.stdout) == (1, True)


def test_wait_until_it_is_taken_back(cart: Desk) -> None:
    """By whom, and why: exit 1."""

    def end_it() -> None:
        withdrawn = taken_back(_candidate(cart), "edge-1 refuses it", WHEN, "replica-1")
        cart.cluster.apply([Put(LAYOUT.candidate, withdrawn.encode())])

    done = _waiting(cart, end_it)
    assert done.exit_code == 1
    assert "generation 2 was taken back" in done.stdout
    assert "ago by replica-1: edge-1 refuses it" in done.stdout


def test_wait_until_it_is_promoted(cart: Desk) -> None:
    """It need not be this one that does so; or something else is in force."""
    done = _waiting(cart, lambda: _promote(cart))
    assert (done.exit_code, "generation 2 is in force for all by now" in done.stdout) == (0, True)
