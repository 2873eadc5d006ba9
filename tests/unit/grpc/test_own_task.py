"""Calls in tasks of their own."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from grpclib.exceptions import StreamTerminatedError

from egxds.grpc.own_task import in_own_task


async def _seven() -> int:
    return 7


async def _refused() -> int:
    raise ValueError("no")


async def _cancelled_by_itself() -> int:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await anyio.sleep_forever()
    return 0


def test_what_comes_of_it() -> None:
    """It is returned, or raised as it is."""
    assert anyio.run(in_own_task, _seven) == 7
    with pytest.raises(ValueError, match="no"):
        anyio.run(in_own_task, _refused)


def test_call_that_is_cancelled_alone() -> None:
    """Whoever waits for it is told, and is not cancelled."""
    with pytest.raises(StreamTerminatedError, match="cancelled"):
        anyio.run(in_own_task, _cancelled_by_itself)


def test_cancelling_who_waits() -> None:
    """The call goes with it, and nothing is raised."""

    async def work() -> bool:
        with anyio.move_on_after(0.01) as scope:
            await in_own_task(anyio.sleep_forever)
        return scope.cancelled_caught

    assert anyio.run(work)
