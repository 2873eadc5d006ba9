"""What the extensions have said during one run for one Gateway, for when it is gone through once more. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import suppress

from egxds.hooks.calls import CallKey, HookCall, HookFailure
from egxds.hooks.replies.check import CallResult

Stage = Generator[tuple[HookCall, ...], tuple[CallResult, ...], None]
"""Yields its calls once, which may run in parallel, and is sent what came of each, in the same order."""


class CallMemo:
    """CallMemo to the calls of one run, some of them refused since."""

    def __init__(self) -> None:
        """Start with none."""
        self._given: list[tuple[HookCall, CallResult]] = []
        self._known: dict[CallKey, CallResult] = {}

    def through(self, stage: Stage) -> Stage:
        """Take a stage through its calls, asking only what was not answered before.

        Args:
            stage: one that has not been started.
        """
        calls = next(stage, None)
        if calls is None:
            return
        known = self._look_up(calls)
        fresh = iter((yield tuple(call for at, call in enumerate(calls) if at not in known)))
        results = tuple(known[at] if at in known else next(fresh) for at in range(len(calls)))
        self._given.extend(zip(calls, results, strict=True))
        with suppress(StopIteration):
            stage.send(results)

    def refuse(self, refused: Iterable[tuple[HookCall, HookFailure]]) -> None:
        """Let answers count as failures from now on.

        Args:
            refused: calls of this run, each with the reason.
        """
        self._known |= {call.key(): result for call, result in self._given}
        self._known |= {call.key(): failure for call, failure in refused}
        self._given = []

    def _look_up(self, calls: tuple[HookCall, ...]) -> dict[int, CallResult]:
        """Return index → answer of the calls that were answered in an earlier round."""
        if not self._known:
            return {}
        found = ((at, self._known.get(call.key())) for at, call in enumerate(calls))
        return {at: result for at, result in found if result is not None}
