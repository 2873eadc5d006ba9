"""What a cancelled task worked on is freed at once, by nobody but itself."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import anyio
import pytest

from egxds.cleared_frames import letting_go

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """What was there when all that lives on was told to be left alone is collected by nobody."""
    gc.disable()
    yield
    gc.enable()


class Large:
    """Something that is to be freed."""

    @letting_go
    async def work(self) -> None:
        """Work on itself, and on another."""
        other = Large()
        await _nap(other)

    @letting_go
    async def fail(self) -> None:
        """Do no work."""
        raise ValueError("it cannot be done")


async def _nap(_large: Large) -> None:
    await anyio.sleep_forever()


async def test_what_a_cancelled_task_worked_on_is_freed() -> None:
    """Also what is in the frames of what it waited for."""
    large = Large()
    found = weakref.ref(large)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(large.work)
        del large
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert found() is None


async def test_an_error_is_told_as_it_was() -> None:
    """With its place, and what it says."""
    with pytest.raises(ValueError, match="it cannot be done") as told:
        await Large().fail()
    assert told.traceback[-1].name == "fail"
