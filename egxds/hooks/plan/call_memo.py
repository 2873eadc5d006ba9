"""What the extensions have said during one run for one Gateway, for when it is gone through once more. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import suppress

from egxds.hooks.calls import CallKey, HookCall, HookFailure
from egxds.hooks.replies.check import Judgement

Stage = Generator[tuple[HookCall, ...], tuple[Judgement, ...], None]
"""Yields its calls once, which may run in parallel, and is sent what came of each, in the same order."""


class Answers:
    """Answers to the calls of one run, some of them refused since."""

    def __init__(self) -> None:
        """Start with none."""
        self._given: list[tuple[HookCall, Judgement]] = []
        self._known: dict[CallKey, Judgement] = {}

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
        judgements = tuple(known[at] if at in known else next(fresh) for at in range(len(calls)))
        self._given.extend(zip(calls, judgements, strict=True))
        with suppress(StopIteration):
            stage.send(judgements)

    def refuse(self, refused: Iterable[tuple[HookCall, HookFailure]]) -> None:
        """Let answers count as failures from now on.

        Args:
            refused: calls of this run, each with the reason.
        """
        self._known |= {call.key(): judgement for call, judgement in self._given}
        self._known |= {call.key(): failure for call, failure in refused}
        self._given = []

    def _look_up(self, calls: tuple[HookCall, ...]) -> dict[int, Judgement]:
        """Return index → answer of the calls that were answered in an earlier round."""
        if not self._known:
            return {}
        found = ((at, self._known.get(call.key())) for at, call in enumerate(calls))
        return {at: judgement for at, judgement in found if judgement is not None}
