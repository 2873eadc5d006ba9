"""What the extensions have said, for a run that goes through the hooks more than once, or goes on from the last. Pure.

A call that was answered is not made again in the same run: the second answer could be another one, and the run would
never settle; and an extension sees one call for one change. Nor is a call made again that the last run took the answer
of. Calls are known again by their request (manager, hook, SHA-256), not by what they are about: after a refused reply
a later call may be about the same resource and ask something else, and then it is a call to be made.

An answer that is to be asked for again stands in where the call fails: it was taken, for the same request. And where a
call fails that was never made before, since its request comes of a newer answer to another call, the former answer to
that other one stands in, too: nobody has edited anything, and so nothing is to be closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeGuard

from egxds import names
from egxds.hooks.calls import THE_WHOLE, CallKey, HookCall, HookFailure, Unit
from egxds.hooks.policy.last_run import RefusedAnswer, Said
from egxds.hooks.replies.check import CallResult

Stage = Generator[tuple[HookCall, ...], tuple[CallResult, ...], None]
"""Yields its calls once, which may run in parallel, and is sent what came of each, in the same order."""


Failed = tuple[HookCall, HookFailure]
"""A call, and why it failed."""


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
        self._lapsed: Mapping[CallKey, CallResult] = {}
        self._fresh: set[CallKey] = set()
        self._stood_in: dict[CallKey, Failed] = {}
        self._not_taken = frozenset(self._refused)

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
        asked = tuple(call for at, call in enumerate(calls) if at not in known)
        fresh = map(self._heard, asked, (yield asked))
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

    @property
    def fresh(self) -> Collection[CallKey]:
        """The calls that were made in this run, and answered."""
        return self._fresh

    @property
    def stood_in(self) -> Iterable[Failed]:
        """The calls for which an answer of before stands in, each with what failed."""
        return self._stood_in.values()

    def forget_unasked(self) -> None:
        """Forget which replies an Envoy did not take to calls that are not made any more."""
        self._refused = {key: answer for key, answer in self._refused.items() if key in self._met}

    def learn(self, said: Mapping[CallKey, CallResult]) -> None:
        """Know answers of the last run; what was said in this one outweighs them."""
        self._known = {**said, **self._known}

    def fall_back_on(self, lapsed: Mapping[CallKey, CallResult]) -> None:
        """Have answers stand in for calls that fail: they were taken, and are to be asked again."""
        self._lapsed = lapsed

    def start_over(self, refused: Iterable[Failed] = ()) -> None:
        """Know every answer that was given, for another round.

        Args:
            refused: calls of this run whose answers count as failures from now on, each with the reason.
        """
        # Here and not with each answer: the hash of every request is needed only where a round is repeated, which is
        # rare.
        self._known |= {call.key(): result for call, result in self._given}
        self._known |= {call.key(): failure for call, failure in refused}
        self._given = []

    def go_back(self, refused: Iterable[Failed] = ()) -> bool:
        """Have answers of before stand in for newer ones that lead to a failure, for another round.

        Args:
            refused: calls of this run whose answers cannot be taken.

        Returns:
            Whether there are any, and another round is to be gone.
        """
        in_vain = dict(refused) if self._lapsed else {}
        causes = {call.unit: (call, result) for call, result in self._given if self._lapsed and _may_work_again(result)}
        found: dict[CallKey, Failed] = {}
        for call, result in self._given if in_vain or causes else ():
            cause = _cause_beside(call.unit, causes)
            failure = in_vain.get(call) or (_behind(*cause) if cause is not None else None)
            if failure is not None and self._is_news(call, result):
                found[call.key()] = call, failure
        if found:
            self.start_over()
            self._known |= {key: self._lapsed[key] for key in found}
            self._fresh -= found.keys()
            self._stood_in |= found
        return bool(found)

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

    def _heard(self, call: HookCall, result: CallResult) -> CallResult:
        """Take what came of a call; an answer of before where nobody has given one."""
        if not _may_work_again(result):
            self._fresh.add(call.key())
            return result
        former = self._lapsed.get(call.key()) if self._lapsed else None
        if former is None:
            return result
        self._stood_in[call.key()] = call, result
        return former

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

    def _is_news(self, call: HookCall, result: CallResult) -> bool:
        """Tell whether an answer is another than before, when Envoys took that; what is refused on purpose stays so."""
        key = call.key()
        is_other = key in self._fresh and key in self._lapsed and self._lapsed[key] != result
        return is_other and key not in self._not_taken and not isinstance(result, HookFailure)

    def _look_up(self, calls: tuple[HookCall, ...]) -> dict[int, CallResult]:
        """Return index → answer of the calls that were answered before."""
        if not self._known:
            return {}
        found = ((at, self._known.get(call.key())) for at, call in enumerate(calls))
        return {at: result for at, result in found if result is not None}


def _may_work_again(result: CallResult) -> TypeGuard[HookFailure]:
    return isinstance(result, HookFailure) and not result.reason.is_settled


def _cause_beside(unit: Unit, failed: Mapping[Unit, Failed]) -> Failed | None:
    """Return the failed call whose request may be what it is for what was said about a unit."""
    of_listeners = (each for failing, each in failed.items() if failing[0] == unit[0] == names.LISTENER)
    return failed.get(unit) or failed.get(THE_WHOLE) or next(of_listeners, None)


def _behind(call: HookCall, failure: HookFailure) -> HookFailure:
    """Say what fails where the answer to another call is taken."""
    return replace(failure, message=f"behind it, {call.hook.value} hook on {call.subject}: {failure.message}")
