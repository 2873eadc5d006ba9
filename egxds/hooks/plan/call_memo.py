"""What the extensions have said, for a run that goes through the hooks more than once, or goes on from the last. Pure.

A call that was answered is not made again in the same run: the second answer could be another one, and the run would
never settle; and an extension sees one call for one change. Nor is a call made again that the last run took the answer
of. Calls are known again by their request (manager, hook, SHA-256), not by what they are about: after a refused reply
a later call may be about the same resource and ask something else, and then it is a call to be made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import suppress

from egxds.hooks.calls import CallKey, HookCall, HookFailure, Unit
from egxds.hooks.policy.last_run import RefusedAnswer, Said
from egxds.hooks.replies.check import CallResult

Stage = Generator[tuple[HookCall, ...], tuple[CallResult, ...], None]
"""Yields its calls once, which may run in parallel, and is sent what came of each, in the same order."""


class CallMemo:
    """Answers to the calls of one run, some of them refused since."""

    def __init__(self, refused: Mapping[CallKey, RefusedAnswer] | None = None) -> None:
        """Start with none.

        Args:
            refused: replies that an Envoy does not take, by call.
        """
        self._refused = dict(refused or {})
        self._met: set[CallKey] = set()
        self._given: list[tuple[HookCall, CallResult]] = []
        self._known: dict[CallKey, CallResult] = {}

    def through(self, stage: Stage) -> Stage:
        """Take a stage through its calls, asking only what was not answered before.

        Args:
            stage: one that has not been started.
        """
        calls = next(stage, None)
        # A stage without any call, not even an empty batch: it has nothing to do.
        if calls is None:
            return
        known = self._look_up(calls)
        fresh = iter((yield tuple(call for at, call in enumerate(calls) if at not in known)))
        results = tuple(known[at] if at in known else next(fresh) for at in range(len(calls)))
        if self._refused:
            results = tuple(map(self._judged, calls, results))
        self._given.extend(zip(calls, results, strict=True))
        with suppress(StopIteration):
            stage.send(results)

    @property
    def refused(self) -> Mapping[CallKey, RefusedAnswer]:
        """The replies that an Envoy does not take, and that are still given."""
        return self._refused

    def forget_unasked(self) -> None:
        """Forget which replies an Envoy did not take to calls that are not made any more."""
        self._refused = {key: answer for key, answer in self._refused.items() if key in self._met}

    def learn(self, said: Mapping[CallKey, CallResult]) -> None:
        """Know answers of the last run; what was said in this one outweighs them."""
        self._known = {**said, **self._known}

    def start_over(self, refused: Iterable[tuple[HookCall, HookFailure]] = ()) -> None:
        """Know every answer that was given, for another round.

        Args:
            refused: calls of this run whose answers count as failures from now on, each with the reason.
        """
        # Here and not with each answer: the hash of every request is needed only where a round is repeated, which is
        # rare.
        self._known |= {call.key(): result for call, result in self._given}
        self._known |= {call.key(): failure for call, failure in refused}
        self._given = []

    def failed(self) -> Collection[HookCall]:
        """Return the calls of this round that failed, those aside whose answer is refused for what others are."""
        return {call for call, result in self._given if isinstance(result, HookFailure)}

    def said(self, refused: Collection[HookCall] = ()) -> dict[Unit, Said]:
        """Return what was said in this round and holds, by what it is about: also what was refused on purpose.

        Args:
            refused: calls whose answers were not taken.
        """
        found: dict[Unit, list[tuple[CallKey, CallResult]]] = defaultdict(list)
        for call, result in self._given:
            if not isinstance(result, HookFailure):
                if call not in refused:
                    found[call.unit].append((call.key(), result))
            elif result.reason.is_settled:
                found[call.unit].append((call.key(), self._as_said(call, result)))
        return {unit: tuple(said) for unit, said in found.items()}

    def _judged(self, call: HookCall, result: CallResult) -> CallResult:
        """Return what a result counts as; another answer than the one that was not taken is taken."""
        refused = self._refused.get(call.key())
        if refused is None or isinstance(result, HookFailure):
            return result
        if refused.edit != result:
            del self._refused[call.key()]
            return result
        self._met.add(call.key())
        return result if refused.is_acquitted else refused.failure

    def _as_said(self, call: HookCall, failure: HookFailure) -> CallResult:
        """Return the answer that an Envoy did not take, or what was refused on purpose."""
        refused = self._refused.get(call.key()) if self._refused else None
        return failure if refused is None or failure is not refused.failure else refused.edit

    def _look_up(self, calls: tuple[HookCall, ...]) -> dict[int, CallResult]:
        """Return index → answer of the calls that were answered before."""
        if not self._known:
            return {}
        found = ((at, self._known.get(call.key())) for at, call in enumerate(calls))
        return {at: result for at, result in found if result is not None}
