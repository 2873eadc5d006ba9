"""What a server holds of messages that clients announce, and whom it refuses."""

from __future__ import annotations

import math

import anyio
import anyio.lowlevel
import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.grpc import receive_budget
from egxds.grpc.receive_budget import LARGE_BYTES, SLOTS, ReceiveBudget

pytestmark = pytest.mark.anyio

NEVER = math.inf
USUAL, HUGE = 2 * LARGE_BYTES, 64 * LARGE_BYTES


class Client:
    """One that has so many bytes to send, and then nothing."""

    def __init__(self, budget: ReceiveBudget, *, says: int, announces: int) -> None:
        self._budget = budget
        self._left = says
        self._announces = announces
        self.is_heard = anyio.Event()
        self.outcome: int | Status | None = None

    async def read(self, size: int) -> bytes:
        """Stand in for a stream."""
        if self._left < size:
            self.is_heard.set()
            await anyio.sleep_forever()
        self._left -= size
        return bytes(size)

    async def send(self) -> None:
        """Send the message."""
        try:
            self.outcome = await self._budget.receive(self.read, self._announces, _length)
        except GRPCError as err:
            self.outcome = err.status


async def _length(message: bytes) -> int:
    return len(message)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive_budget, "_SLOT_PATIENCE_S", 0.001)
    monkeypatch.setattr(receive_budget, "_PIECE_BYTES", LARGE_BYTES)


@pytest.mark.parametrize("size", [0, 1, LARGE_BYTES - 1, LARGE_BYTES, HUGE + 1])
async def test_a_message_is_what_was_sent(size: int) -> None:
    """Of any size; nothing of it is held when it is there."""
    budget = ReceiveBudget(2 * HUGE, NEVER)
    client = Client(budget, says=size, announces=size)
    await client.send()
    assert (client.outcome, budget.held_bytes) == (size, 0)


@pytest.mark.parametrize("announced", [1, HUGE])
async def test_who_begins_a_message_has_to_go_on(announced: int) -> None:
    """Else it is told so, and nothing of it is held any more."""
    budget = ReceiveBudget(2 * HUGE, 0.01)
    client = Client(budget, says=announced - 1, announces=announced)
    with anyio.fail_after(20):
        await client.send()
    assert (client.outcome, budget.held_bytes) == (Status.DEADLINE_EXCEEDED, 0)


async def test_who_holds_most_goes_where_all_hold_too_much() -> None:
    """And who sends what Envoys send is served beside them: sixty that keep back the last of much."""
    budget = ReceiveBudget(2 * HUGE, NEVER)
    strangers = [Client(budget, says=HUGE - LARGE_BYTES, announces=HUGE) for _ in range(60)]
    async with anyio.create_task_group() as tasks:
        for stranger in strangers:
            tasks.start_soon(stranger.send)
        envoy = Client(budget, says=USUAL, announces=USUAL)
        with anyio.fail_after(20):
            await envoy.send()
            while sum(one.outcome is None for one in strangers) > 2:  # noqa: ASYNC110 they are told one by one
                await anyio.sleep(0.001)
        assert envoy.outcome == USUAL
        assert budget.held_bytes <= 2 * HUGE
        assert {one.outcome for one in strangers} == {None, Status.RESOURCE_EXHAUSTED}
        tasks.cancel_scope.cancel()
    assert budget.held_bytes == 0


async def test_who_says_nothing_keeps_nobody_waiting() -> None:
    """Its slot goes to the next; so many hold back that there would be none left."""
    budget = ReceiveBudget(1000 * HUGE, NEVER)
    strangers = [Client(budget, says=0, announces=USUAL) for _ in range(3 * SLOTS)]
    async with anyio.create_task_group() as tasks:
        for stranger in strangers:
            tasks.start_soon(stranger.send)
        with anyio.fail_after(20):
            await strangers[-1].is_heard.wait()
        tasks.cancel_scope.cancel()


async def test_a_client_that_goes_while_it_waits_takes_no_slot_with_it() -> None:
    """Nor does one whose turn comes in that moment."""
    budget = ReceiveBudget(1000 * HUGE, NEVER)
    for _ in range(3):
        async with anyio.create_task_group() as tasks:
            for _ in range(2 * SLOTS):
                tasks.start_soon(Client(budget, says=0, announces=HUGE).send)
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    clients = [Client(budget, says=HUGE, announces=HUGE) for _ in range(SLOTS)]
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for client in clients:
                tasks.start_soon(client.send)
    assert [client.outcome for client in clients] == [HUGE] * SLOTS
