"""When an extension counts as not being there."""

from __future__ import annotations

from egxds.errors import FailureReason
from egxds.hooks.calls import HookFailure
from egxds.hooks.health.circuit_breaker import CircuitBreaker

LATE = HookFailure(FailureReason.DEADLINE, "no reply")


def test_a_call_during_which_nothing_was_answered_means_silence() -> None:
    """The first deadline without any answer is enough."""
    breaker = CircuitBreaker()
    breaker.missed("m", LATE, breaker.answers("m"))
    breaker.end_batch("m", 0, 0)
    assert breaker.failure("m") is LATE
    assert breaker.failure("other") is None


def test_a_call_during_which_another_was_answered_means_nothing() -> None:
    """One object that hangs is not a dead extension."""
    breaker = CircuitBreaker()
    started = breaker.answers("m")
    breaker.heard("m")
    breaker.missed("m", LATE, started)
    assert breaker.failure("m") is None


def test_a_last_call_that_hangs_is_forgotten_with_its_batch() -> None:
    """If the batch had answers and no call was spared, the next hook is called."""
    breaker = CircuitBreaker()
    breaker.heard("m")
    breaker.missed("m", LATE, breaker.answers("m"))
    breaker.end_batch("m", 0, 0)
    assert breaker.failure("m") is None


def test_an_extension_that_died_within_a_batch_stays_silent() -> None:
    """If calls of the batch had to be spared, it is not asked again in this run."""
    breaker = CircuitBreaker()
    breaker.heard("m")
    breaker.missed("m", LATE, breaker.answers("m"))
    breaker.end_batch("m", 0, 3)
    assert breaker.failure("m") is LATE


def test_what_counts_as_silence() -> None:
    """Deadlines, broken connections and UNAVAILABLE do; a refusal of the very call does not."""
    assert LATE.is_silence
    assert HookFailure(FailureReason.CONNECT, "refused").is_silence
    assert HookFailure(FailureReason.STATUS, "", "UNAVAILABLE").is_silence
    assert not HookFailure(FailureReason.STATUS, "", "INTERNAL").is_silence
    assert not HookFailure(FailureReason.INVALID, "").is_silence
