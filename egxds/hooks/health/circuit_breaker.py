"""Notices within one run that an extension does not answer at all, so that a dead one costs one timeout. Pure.

Without it each hook, and each batch of calls that have to wait for their turn, would wait for its own deadline.

    LISTENING -- a call ends without an answer, and no other was answered while it waited --> SILENT
    LISTENING -- a call ends without an answer, but another was answered meanwhile ---------> LISTENING
    SILENT ----- a call is due -------------------------------------------------------------> SILENT: it is left out
    SILENT ----- the batch ends: it had answers, and no call of it was left out ------------> LISTENING

An answer is any, an error included: what counts is whether anybody is there. It lives for one run: whether the
extension is back is for `recovery` to find out, by one call and not by all.
"""

from __future__ import annotations

from collections import Counter

from egxds.hooks.calls import HookFailure


class CircuitBreaker:
    """The extensions that have fallen silent during one run for one Gateway."""

    def __init__(self) -> None:
        self._answers: Counter[str] = Counter()
        self._failures: dict[str, HookFailure] = {}

    def failure(self, manager: str) -> HookFailure | None:
        """Return why calls of an extension are not made any more; nothing while it seems to live."""
        return self._failures.get(manager)

    def answers(self, manager: str) -> int:
        """Return how often an extension has answered so far, be it with an error."""
        return self._answers[manager]

    def heard(self, manager: str) -> None:
        """Take note of an answer."""
        self._answers[manager] += 1

    def missed(self, manager: str, failure: HookFailure, answers_at_start: int) -> None:
        """Take note of a call without an answer; if no other was answered while it waited, nobody is there.

        Args:
            manager: the extension.
            failure: why there is no answer.
            answers_at_start: what `answers` said when the call began.
        """
        if self._answers[manager] == answers_at_start:
            self._failures.setdefault(manager, failure)

    def end_batch(self, manager: str, answers_at_start: int, calls_left_out: int) -> None:
        """Let an extension off that answered some of a batch and that no call of it was spared.

        A last call that hangs by itself is its own failure and not that of the hooks that follow.

        Args:
            manager: the extension.
            answers_at_start: what `answers` said when the batch began.
            calls_left_out: how many calls of the batch were not made because of the silence.
        """
        if self._answers[manager] > answers_at_start and not calls_left_out:
            self._failures.pop(manager, None)
