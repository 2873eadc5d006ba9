"""What a member says that no etcd should: nothing of it is believed, and nothing is taken for success."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.etcd import attempts, left_alone
from egxds.etcd.errors import (
    EtcdError,
    LeaseGoneError,
    NoSpaceError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RefusedError,
    ReplyTooLargeError,
    RequestTooLargeError,
    UnauthenticatedError,
    UnavailableError,
    WrongClusterError,
)
from egxds.etcd.operations import Get, Put
from egxds.generated.etcdserverpb import (
    AuthenticateResponse,
    DeleteRangeResponse,
    Event,
    KeyValue,
    LeaseGrantResponse,
    PutResponse,
    RangeResponse,
    ResponseHeader,
    ResponseOp,
    StatusResponse,
    TxnResponse,
    WatchResponse,
)
from tests.envoy.waiting import wait_for
from tests.unit.etcd.scripted_member import (
    AUTHENTICATE,
    CLUSTER,
    GRANT,
    HEADER,
    KEEP,
    STATUS,
    TXN,
    WATCH,
    Answer,
    ScriptedMember,
    client_of,
)

pytestmark = pytest.mark.anyio

FOUND = ResponseOp(response_range=RangeResponse(header=HEADER))
DONE = ResponseOp(response_put=PutResponse(header=HEADER))
GOOD = TxnResponse(header=HEADER, succeeded=True, responses=[FOUND])
ELSEWHERE = ResponseHeader(cluster_id=CLUSTER + 1)


@pytest.fixture
def proven_soon(monkeypatch: pytest.MonkeyPatch) -> int:
    """Has watches ask often whether their member is heard; returns how often at most where it never is."""
    monkeypatch.setattr(left_alone, "PROVE_S", 0.1)
    monkeypatch.setattr(left_alone, "MOST_UNPROVEN_S", 1.0)
    return 10


def member(**answers: list[Answer]) -> ScriptedMember:
    """Return a member that answers so, by the names of methods."""
    scripted = ScriptedMember()
    paths = {"status": STATUS, "txn": TXN, "watch": WATCH, "grant": GRANT, "keep": KEEP, "login": AUTHENTICATE}
    scripted.answers |= {paths[name]: said for name, said in answers.items()}
    return scripted


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff",
        TxnResponse(succeeded=True, responses=[FOUND]),
        TxnResponse(header=ResponseHeader(revision=7), succeeded=True, responses=[FOUND]),
        TxnResponse(header=HEADER, succeeded=True),
        TxnResponse(header=HEADER, succeeded=True, responses=[FOUND, FOUND]),
        TxnResponse(header=HEADER, succeeded=True, responses=[DONE]),
        TxnResponse(header=HEADER, succeeded=True, responses=[ResponseOp()]),
        TxnResponse(
            header=HEADER,
            succeeded=True,
            responses=[ResponseOp(response_delete_range=DeleteRangeResponse(header=HEADER))],
        ),
    ],
    ids=["no message", "no header", "no cluster", "no answer", "too many", "of a put", "of nothing", "of a deletion"],
)
async def test_a_reply_that_is_none_to_the_question(answer: Answer) -> None:
    """Another member is asked where that is allowed; of what was to be written nobody knows."""
    odd, good = member(txn=[answer]), member(txn=[GOOD])
    async with client_of(odd, good) as client:
        assert (await client.transact((), (Get("a"),))).found == ((),)
    assert (odd.asked, good.asked) == ([STATUS, TXN], [STATUS, TXN])
    odd = member(txn=[answer])
    good = member(txn=[TxnResponse(header=HEADER, succeeded=True, responses=[FOUND, DONE])])
    async with client_of(odd, good) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.transact((), (Get("a"), Put("b", b"1")))
    assert good.asked == []


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (Status.INVALID_ARGUMENT, "etcdserver: request is too large", RequestTooLargeError),
        (Status.INVALID_ARGUMENT, "etcdserver: too many operations in txn request", RequestTooLargeError),
        (Status.RESOURCE_EXHAUSTED, "grpc: received message larger than max (5 vs. 4)", RequestTooLargeError),
        (Status.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", NoSpaceError),
        (Status.NOT_FOUND, "etcdserver: requested lease not found", LeaseGoneError),
        (Status.PERMISSION_DENIED, "etcdserver: permission denied", PermissionDeniedError),
        (Status.INVALID_ARGUMENT, "etcdserver: user name is empty", UnauthenticatedError),
        (Status.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request", RefusedError),
        (Status.UNIMPLEMENTED, "unknown service etcdserverpb.KV", RefusedError),
        (Status.UNAVAILABLE, "etcdserver: request timed out", OutcomeUnknownError),
        (Status.UNAVAILABLE, "etcdserver: leader changed", OutcomeUnknownError),
        (Status.UNAVAILABLE, "etcdserver: server stopped", OutcomeUnknownError),
        (Status.UNKNOWN, "context deadline exceeded", OutcomeUnknownError),
    ],
)
async def test_what_etcd_says_is_told_apart(status: Status, said: str, expected: type[EtcdError]) -> None:
    """By its words; what is not a refusal may have been applied, and is not asked of anybody else."""
    first, second = member(txn=[GRPCError(status, said)]), member(txn=[GOOD])
    async with client_of(first, second) as client:
        with pytest.raises(expected) as caught:
            await client.transact((), (Put("a", b"secret"),))
    assert second.asked == []
    assert str(caught.value) == f"127.0.0.1:{first.port}: {said.removeprefix('etcdserver: ')}"


@pytest.mark.parametrize("said", ["no leader", "too many requests", "rpc not supported for learner"])
async def test_who_has_not_begun_leaves_it_to_another(said: str) -> None:
    """Though it writes; and is tried again where there is no other."""
    busy = GRPCError(Status.UNAVAILABLE, f"etcdserver: {said}")
    done = TxnResponse(header=HEADER, succeeded=True, responses=[DONE])
    first, second = member(txn=[busy]), member(txn=[done])
    async with client_of(first, second) as client:
        assert (await client.transact((), (Put("a", b"1"),))).succeeded
    alone = member(txn=[busy, busy, done])
    async with client_of(alone) as client:
        assert (await client.transact((), (Put("a", b"1"),))).succeeded
    assert alone.asked == [STATUS, TXN, TXN, TXN]


async def test_another_cluster_is_found_out_before_anything_is_asked() -> None:
    """Also in the middle of a connection, and of a watch."""
    other = member(status=[StatusResponse(header=ELSEWHERE)], txn=[GOOD])
    async with client_of(member(txn=[GRPCError(Status.UNAVAILABLE, "etcdserver: no leader")]), other) as client:
        with pytest.raises(WrongClusterError):
            await client.transact((), (Get("a"),))
    assert other.asked == [STATUS]
    created = WatchResponse(header=HEADER, created=True)
    changed = member(txn=[TxnResponse(header=ELSEWHERE)], watch=[created, WatchResponse(header=ELSEWHERE)])
    async with client_of(changed) as client:
        with pytest.raises(WrongClusterError):
            await client.transact((), (Get("a"),))
        async with client.watch("a", 1) as news:
            with pytest.raises(WrongClusterError):
                await anext(news)


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff",
        WatchResponse(),
        WatchResponse(header=HEADER, events=[Event()]),
        WatchResponse(header=HEADER, canceled=True, cancel_reason="etcdserver: mvcc: something"),
        GRPCError(Status.UNAVAILABLE, "etcdserver: no leader"),
        GRPCError(Status.UNKNOWN, "something"),
    ],
    ids=["no message", "no header", "an event of nothing", "cancelled", "no leader", "unknown"],
)
async def test_a_watch_ends_with_what_cannot_be_believed(answer: Answer) -> None:
    """It is not opened anew behind the back of who reads it; one that cannot be opened is tried elsewhere."""
    created = WatchResponse(header=HEADER, created=True)
    odd, good = member(watch=[created, answer]), member(watch=[created])
    async with client_of(odd, good) as client:
        async with client.watch("a", 1) as news:
            with pytest.raises(UnavailableError):
                await anext(news)
        assert WATCH not in good.asked
        async with client.watch("a", 1):
            assert WATCH in good.asked


async def test_a_watch_that_is_never_made_is_an_error_in_time() -> None:
    """Nobody waits for longer than for any other answer."""
    async with client_of(member(watch=[]), requestTimeout="300ms") as client:
        with anyio.fail_after(20), pytest.raises(UnavailableError):
            async with client.watch("a", 1):
                pass


async def test_a_watch_ends_where_nobody_hears_its_member(proven_soon: int) -> None:
    """It may answer whatever it can answer alone; the next one is asked then."""
    created = WatchResponse(header=HEADER, created=True)
    alone = member(watch=[created], txn=[GRPCError(Status.UNAVAILABLE, "etcdserver: no leader")])
    good = member(watch=[created])
    async with client_of(alone, good) as client:
        async with client.watch("a", 1) as news:
            with anyio.fail_after(20), pytest.raises(UnavailableError, match="ask the other members"):
                await anext(news)
        assert 0 < alone.asked.count(TXN) <= proven_soon
        async with client.watch("a", 1):
            assert WATCH in good.asked


@pytest.mark.parametrize(
    "answer",
    [GOOD, GRPCError(Status.UNAUTHENTICATED, "etcdserver: invalid auth token")],
    ids=["what is there", "a token that is over"],
)
async def test_a_watch_goes_on_where_its_member_is_heard(answer: Answer, proven_soon: int) -> None:
    """Whatever it has to say then."""
    heard = member(watch=[WatchResponse(header=HEADER, created=True)], txn=[answer])
    async with client_of(heard) as client, client.watch("a", 1):
        await to_thread.run_sync(wait_for, lambda: heard.asked.count(TXN) > proven_soon, "it to be asked for longer")


async def test_a_lease_without_an_id_is_none() -> None:
    """And a reply about a lease has to be one."""
    odd = member(grant=[LeaseGrantResponse(header=HEADER, ttl=5)], keep=[b"\xff"])
    async with client_of(odd, requestTimeout="300ms") as client:
        with pytest.raises(UnavailableError):
            await client.grant_lease(5)
        with pytest.raises(UnavailableError):
            await client.keep_lease(5)


async def test_a_token_is_had_once_and_again_when_it_is_over(tmp_path: Path) -> None:
    """One that is refused at once is not asked for a third time, and neither it nor the password is in the error."""
    password = tmp_path / "password"
    password.write_text("made-up")
    over = GRPCError(Status.UNAUTHENTICATED, "etcdserver: invalid auth token")
    logins: list[Answer] = [AuthenticateResponse(header=HEADER, token=f"made-up-{at}") for at in range(9)]
    scripted = member(login=logins, txn=[GOOD, GOOD, over, GOOD, over, over])
    user = {"user": "replica", "passwordFile": str(password)}
    async with client_of(scripted, **user) as client:
        for _ in range(3):
            await client.transact((), (Get("a"),))
        with pytest.raises(UnauthenticatedError) as caught:
            await client.transact((), (Get("a"),))
    used = [token for path, token in zip(scripted.asked, scripted.tokens, strict=True) if path == TXN]
    assert used == [f"made-up-{at}" for at in (0, 0, 0, 1, 1, 2)]
    assert "made-up" not in str(caught.value)


async def test_a_reply_that_is_too_large_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be as large from everybody; of what was to be written nobody knows."""
    monkeypatch.setattr(attempts, "MAX_REPLY_BYTES", 100)
    found = ResponseOp(response_range=RangeResponse(header=HEADER, kvs=[KeyValue(key=b"a", value=bytes(100))]))
    large = member(txn=[TxnResponse(header=HEADER, succeeded=True, responses=[found])])
    good = member(txn=[GOOD])
    async with client_of(large, good) as client:
        with pytest.raises(ReplyTooLargeError):
            await client.transact((), (Get("a"),))
        with pytest.raises(OutcomeUnknownError):
            await client.transact((), (Get("a"), Put("b", b"1")))
    assert good.asked == []
