"""Asks the functions of one loaded extension, on threads beside the event loop. Awaits."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial

from egxds.cut_text import cut
from egxds.extension.answers import Fault, FaultKind
from egxds.extension.forms import FORMS, Answer, UnfitResultError
from egxds.extension.functions import HookFunction, form_of
from egxds.extension.places import OwnFiles, words
from egxds.extension.refuse import Refuse
from egxds.extension.worker_pool import WorkerPool
from egxds.extension.worker_thread import CallAbandonedError
from egxds.settings.extensions import Hook

_TRACEBACK_CHARACTERS = 16_000

_TOLD_AGAIN_S = 60.0
_MAX_TOLD = 1_000
"""Tracebacks are for the log: what fails is asked again four times a second, and may fail for ten thousand hosts."""

Told = Callable[[BaseException, str, str], None]
"""Is told on a thread of ours what a function raised: that, what and where it was in words, and its traceback."""


def _tell_nobody(_err: BaseException, _message: str, _traceback: str) -> None:
    """Say nothing."""


class FunctionAsker:
    """The functions of one object, and the threads that they run on."""

    def __init__(
        self, functions: Mapping[Hook, HookFunction], name: str, own_files: OwnFiles, told: Told = _tell_nobody
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            functions: as they were loaded.
            name: of the threads.
            own_files: of the extension, for messages.
            told: is told what a function raises.
        """
        self._functions = functions
        self._own_files = own_files
        self._told = told
        self._pool = WorkerPool(name, own_files)
        self._told_at_s: dict[str, float] = {}

    def worn(self, most_threads: int) -> str:
        """Say why a fresh process would be better; nothing where it would not.

        Args:
            most_threads: so many may be blocked.
        """
        return self._pool.worn(most_threads)

    async def ask(self, hook: Hook, request: bytes, timeout_s: float) -> Answer | Fault:
        """Ask one function.

        Args:
            hook: which.
            request: the encoded request of a call, well formed.
            timeout_s: how long it may take once it has begun.

        Returns:
            What came of it; raises nothing.
        """
        function = self._functions.get(hook)
        if function is None:
            off = f"define it, or take {hook.value} off hooks.xdsTranslator.post"
            return Fault(FaultKind.MISSING, f"the extension has no `{form_of(hook)}`: {off}")
        invoke = partial(self._invoke, hook, function, request)
        return await self._pool.run(invoke, timeout_s, (hook, request))

    def close(self) -> None:
        """End the threads; calls under way are cancelled."""
        self._pool.close()

    def close_when_idle(self) -> None:
        """End the threads as soon as the calls that are under way have ended; take no new ones."""
        self._pool.close_when_idle()

    async def _invoke(self, hook: Hook, function: HookFunction, request: bytes) -> Answer | Fault:
        """Call a function; runs on the functions' own event loop."""
        form = FORMS[hook]
        try:
            return form.reply(request, await function(*form.arguments(request)))
        except UnfitResultError as err:
            return Fault(FaultKind.UNFIT, f"invalid reply: {err}")
        except Refuse as err:
            return Fault(FaultKind.REFUSED, words(err))
        except asyncio.CancelledError as err:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self._raised(err)
        except CallAbandonedError:
            return Fault(FaultKind.OVERDUE, "abandoned")
        except BaseException as err:  # noqa: BLE001 a function of the user's may raise anything
            return self._raised(err)

    def _raised(self, err: BaseException) -> Fault:
        message = f"raised {self._own_files.describe(err)}"
        if isinstance(err, MemoryError) or self._is_news(message):
            self._told(err, message, cut("".join(traceback.format_exception(err)), _TRACEBACK_CHARACTERS))
        return Fault(FaultKind.RAISED, message)

    def _is_news(self, message: str) -> bool:
        now_s = time.monotonic()
        if now_s - self._told_at_s.get(message, -_TOLD_AGAIN_S) < _TOLD_AGAIN_S:
            return False
        if len(self._told_at_s) >= _MAX_TOLD:
            self._told_at_s.clear()
        self._told_at_s[message] = now_s
        return True
