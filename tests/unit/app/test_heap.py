"""When memory that is held free goes back to the system."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from egxds.app.heap import TrimTimes, keep_trimmed

_BLOCKS = 50_000
_WORK_S = 0.3


@pytest.mark.parametrize(
    ("story", "looks_cpu_s", "due"),
    [
        ("nothing was done", (0.0, 0.01, 0.02), (False, False, False)),
        ("a change, then quiet", (0.4, 0.41), (False, True)),
        ("quiet first", (0.01, 0.4, 0.41), (False, False, True)),
        ("little by little", (0.04, 0.08, 0.12), (False, False, True)),
        ("work without end", (2.0, 4.0, 6.0), (False, False, True)),
    ],
)
def test_the_heap_is_trimmed_when_work_is_over(
    story: str, looks_cpu_s: tuple[float, ...], due: tuple[bool, ...]
) -> None:
    """After work, and in the midst of it where it has no end."""
    times = TrimTimes(0.0)
    assert tuple(times.is_due(cpu_s) for cpu_s in looks_cpu_s) == due, story


def test_what_was_trimmed_is_not_trimmed_again() -> None:
    """What the trimming takes is no work."""
    times = TrimTimes(0.0)
    times.is_due(0.4)
    times.trimmed(0.43)
    assert not times.is_due(0.44)


@pytest.mark.anyio
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
async def test_memory_that_work_left_behind_is_given_back() -> None:
    """Also where what lives on lies in between."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep_trimmed)
        await anyio.lowlevel.checkpoint()
        before, lasting = _resident_bytes(), _work()
        assert _resident_bytes() - before > _BLOCKS * 1000
        with anyio.fail_after(30):
            while _resident_bytes() - before > _BLOCKS * 1000:  # noqa: ASYNC110 the system does not tell
                await anyio.sleep(0.2)
        tasks.cancel_scope.cancel()
    assert len(lasting) == _BLOCKS // 50


def _work() -> list[bytes]:
    """Take time and memory, of which little lives on, spread out, so that the heap has no end that is free."""
    begun_s = time.process_time()
    while time.process_time() - begun_s < _WORK_S:
        blocks = [bytes(2000) for _ in range(_BLOCKS)]
    return blocks[::50]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
