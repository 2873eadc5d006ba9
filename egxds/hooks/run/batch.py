"""Asks one batch of calls, many at a time, and gives up on an extension that answers none. Awaits.

The deadline of a call starts when it is made, not when the batch does: an extension that is slow is not failed for the
calls that wait for their turn, and one that is dead is found out by the first of them (`circuit_breaker`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import anyio

from egxds.hooks.calls import CallKey, HookCall, HookFailure
from egxds.hooks.health.circuit_breaker import CircuitBreaker
from egxds.hooks.replies.check import CallResult
from egxds.hooks.run.extension import Extension

PARALLEL_CALLS = 64
"""At one time, so that an extension is asked for much at once and not for ten thousand routes at once."""


class Batch:
    """All calls of one hook of one extension for one Gateway."""

    def __init__(
        self,
        extension: Extension,
        calls: tuple[HookCall, ...],
        breaker: CircuitBreaker,
        refused: Collection[CallKey] = (),
    ) -> None:
        """Prepare.

        Args:
            extension: to be asked.
            calls: what to ask, not nothing.
            breaker: what this run has learned about extensions that do not answer.
            refused: calls of which an Envoy did not take the reply.
        """
        self._extension = extension
        self._name = extension.manager.name
        self._calls = calls
        self._breaker = breaker
        self._refused = refused
        self._answers: dict[int, CallResult] = {}
        self._calls_left_out = 0

    async def ask(self) -> tuple[CallResult, ...]:
        """Return what came of each call, in order; what is remembered is not asked again."""
        answers_at_start = self._breaker.answers(self._name)
        self._answers.update(self._extension.remembered(self._calls))
        missing = [at for at in range(len(self._calls)) if at not in self._answers]
        waiting = iter(missing)
        async with anyio.create_task_group() as tasks:
            for _ in range(min(PARALLEL_CALLS, len(missing))):
                tasks.start_soon(self._work, waiting)
        self._breaker.end_batch(self._name, answers_at_start, self._calls_left_out)
        return tuple(self._answers[at] for at in range(len(self._calls)))

    async def _work(self, waiting: Iterator[int]) -> None:
        for at in waiting:
            self._answers[at] = await self._ask(self._calls[at])

    async def _ask(self, call: HookCall) -> CallResult:
        given_up = self._breaker.failure(self._name)
        if given_up is not None:
            self._calls_left_out += 1
            return given_up
        # The count when this call begins, for what is asked at its end is whether anything was answered meanwhile.
        answers_at_start = self._breaker.answers(self._name)
        result = await self._extension.ask(call, is_anew=bool(self._refused) and call.key() in self._refused)
        if isinstance(result, HookFailure) and result.is_silence:
            self._breaker.missed(self._name, result, answers_at_start)
        else:
            self._breaker.heard(self._name)
        return result
