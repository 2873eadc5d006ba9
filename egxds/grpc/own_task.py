"""Calls of grpclib in tasks of their own. Awaits.

grpclib ends a call on a broken connection by cancelling its task and never takes the cancellation back, after which no
cancel scope around it could be trusted. Mostly it turns that into an error of its own; where it does not, the call has
ended without a word, and that is an error here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from grpclib.exceptions import StreamTerminatedError

_T = TypeVar("_T")


async def in_own_task(call: Callable[[], Awaitable[_T]]) -> _T:
    """Await something in a task of its own; return what comes of it, or raise it.

    Args:
        call: begins it.

    Raises:
        StreamTerminatedError: it was cancelled, and whoever waits for it was not.
        Exception: what it raises.
    """
    results: list[_T] = []
    failures: list[Exception] = []

    async def run() -> None:
        try:
            results.append(await call())
        except Exception as err:  # noqa: BLE001 it is raised where it is waited for
            failures.append(err)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
    if failures:
        raise failures[0]
    if not results:
        raise StreamTerminatedError("the call was cancelled with its connection")
    return results[0]
