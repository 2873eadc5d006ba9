"""Who is broken off where responses hold too much: who takes nothing, and else who takes least."""

from __future__ import annotations

import anyio
import pytest

from egxds.grpc import send_budget
from egxds.grpc.data_frames import FramedMessage
from egxds.grpc.send_budget import OverSendBudgetError, SendBudget

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


class Client:
    """Takes so many bytes each time that somebody looks."""

    def __init__(self, name: str, speed: int) -> None:
        self.name = name
        self.speed = speed
        self._bytes = 0

    def taken(self) -> int:
        """Return how much it has taken."""
        self._bytes += self.speed
        return self._bytes


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_budget, "_LOOK_S", 0.01)


async def _broken_off(clients: list[Client], monkeypatch: pytest.MonkeyPatch, stalled_s: float, slow_s: float) -> str:
    """Have all be sent a MiB, of which two fit, and return who has to go first."""
    monkeypatch.setattr(send_budget, "STALLED_S", stalled_s)
    monkeypatch.setattr(send_budget, "SLOW_S", slow_s)
    budget, gone = SendBudget(2 * MIB), list[str]()

    async def send(client: Client) -> None:
        try:
            await budget.send(FramedMessage(bytes(MIB)), anyio.sleep_forever, client.taken)
        except OverSendBudgetError:
            gone.append(client.name)

    async with anyio.create_task_group() as tasks:
        for client in clients:
            tasks.start_soon(send, client)
        await anyio.lowlevel.checkpoint()
        with anyio.fail_after(10):
            await budget.room()
        tasks.cancel_scope.cancel()
    (first,) = gone
    return first


async def test_who_takes_nothing_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the others are."""
    clients = [Client("slow", 1), Client("silent", 0), Client("fast", 1000)]
    assert await _broken_off(clients, monkeypatch, stalled_s=0.05, slow_s=60.0) == "silent"


async def test_who_takes_least_goes_where_all_take_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is not enough to keep others waiting."""
    clients = [Client("fast", 1000), Client("slow", 1), Client("other", 500)]
    assert await _broken_off(clients, monkeypatch, stalled_s=60.0, slow_s=0.05) == "slow"
