"""Has a task that is cancelled let go of what it worked on.

Its CancelledError knows the frames that it went through, with all that their variables name, and who waits for the task
keeps the error in a cycle with a frame of its own. The garbage collector breaks that, at some time; but not of what it
was told to leave alone, since all of it lives on (`gc.freeze`): what a large input came to would never be freed.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

P = ParamSpec("P")


def letting_go(work: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Coroutine[Any, Any, None]]:
    """Return the same task, whose frames name nothing any more once it has ended by an error or was cancelled.

    Args:
        work: is run as a task of its own.
    """

    @wraps(work)
    def begin(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, None]:
        # What is given to it is not to be named by the frame around it, which is one of those that the error knows.
        return _run(work(*args, **kwargs))

    return begin


async def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except BaseException as err:
        traceback.clear_frames(err.__traceback__)
        raise
