"""Streams stand in line for the event loop."""

from __future__ import annotations

import asyncio
import itertools

import anyio
import pytest

from egxds.wire.turns import Turns, Work

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Turns are turns of asyncio's loop."""
    return "asyncio"


async def counts(turns: Turns, begun: list[int], total: int) -> list[int]:
    """Return how many have begun, each time that the loop has come round."""
    seen = []
    while len(begun) < total:
        await anyio.lowlevel.checkpoint()
        seen.append(len(begun))
    return seen


@pytest.mark.parametrize(("work", "most"), [(Work.SHORT, 384), (Work.MEDIUM, 32), (Work.LONG, 1)])
async def test_a_turn_has_room_for_so_much(work: Work, most: int) -> None:
    """Much to do is spread over turns of the loop, in the order in which it came; between them others have theirs."""
    turns, begun = Turns(), list[int]()
    for number in range(1000):
        turns.call(lambda number=number: begun.append(number), work)  # type: ignore[misc]
    assert not begun
    seen = [0, *await counts(turns, begun, 1000)]
    assert begun == list(range(1000))
    assert max(after - before for before, after in itertools.pairwise(seen)) <= most


async def test_one_that_fails_holds_nobody_up() -> None:
    """What is behind something that raises has its turn all the same."""
    turns, begun = Turns(), list[int]()
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    turns.call(lambda: begun.append(1 // 0), Work.SHORT)
    turns.call(lambda: begun.append(1), Work.SHORT)
    await counts(turns, begun, 1)
    assert [type(failure) for failure in failures] == [ZeroDivisionError]


async def test_who_waits_goes_on_in_turn() -> None:
    """Tasks that wait go on one by one where each has much to do."""
    turns, begun = Turns(), list[int]()

    async def one(number: int) -> None:
        await turns.wait(Work.LONG)
        begun.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(one, number)
        seen = [0, *await counts(turns, begun, 5)]
    assert begun == list(range(5))
    assert max(after - before for before, after in itertools.pairwise(seen)) == 1
