"""When a failing extension is tried again: a table of what is reported and what then is to be done."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.hooks.calls import HookCall
from egxds.hooks.health.recovery import (
    FIRST_BACKOFF_S,
    MAX_BACKOFF_S,
    PROBE_INTERVAL_S,
    FailedRun,
    Probe,
    Recompute,
    Recovery,
    Wait,
    backoff_s,
)
from egxds.settings.extensions import Hook

MIDDLE = 0.5
"""The random number with which a pause is as long as its base."""


def failed(subject: str, count: int = 1, *, is_silent: bool = True) -> FailedRun:
    """Describe a failed run."""
    return FailedRun(HookCall("m", Hook.ROUTE, subject, b""), frozenset({Hook.ROUTE}), count, is_silent)


def failing(*subjects: str, count: int = 1, is_silent: bool = True) -> Recovery:
    """Make a recovery after failed runs at time 0, one for each Gateway."""
    recovery = Recovery()
    for subject in subjects:
        recovery.run_ended(f"gateway of {subject}", failed(subject, count, is_silent=is_silent), 0.0, MIDDLE)
    return recovery


def test_nothing_is_done_while_nothing_fails() -> None:
    """No failure, no probe."""
    recovery = Recovery()
    recovery.run_ended("g", None, 0.0, MIDDLE)
    assert recovery.step(100.0) == Wait(math.inf)
    assert recovery.next_try_s is None


def test_the_call_that_failed_last_is_probed_at_a_steady_pace() -> None:
    """A dead extension gets one cheap call now and then, and nothing else."""
    recovery = failing("a", "b")
    assert recovery.step(0.0) == Wait(PROBE_INTERVAL_S)
    for tick in range(1, 50):
        now_s = tick * (PROBE_INTERVAL_S + 0.001)
        assert recovery.step(now_s) == Probe(failed("b").last_call)
        assert isinstance(recovery.step(now_s), Wait)


def test_the_first_success_of_a_probe_starts_everything_over_at_once() -> None:
    """However long the extension was away."""
    recovery = failing("a", count=1000)
    recovery.step(3600.0)
    recovery.seems_back(3600.1)
    assert recovery.step(3600.1) == Recompute()


def test_probes_rest_while_a_recomputation_shows_whether_the_extension_is_back() -> None:
    """A second success must not cut short what the first has set off."""
    recovery = failing("a")
    recovery.seems_back(1.0)
    assert recovery.step(1.0) == Recompute()
    recovery.seems_back(1.1)
    step = recovery.step(1.1)
    assert isinstance(step, Wait)
    assert step.seconds == pytest.approx(MAX_BACKOFF_S - 0.1)
    recovery.run_ended("gateway of a", None, 1.5, MIDDLE)
    assert recovery.step(1.5) == Wait(math.inf)


def test_a_success_that_proves_to_be_none_makes_the_next_one_wait() -> None:
    """Recomputations that fail again come less and less often, up to a limit."""
    recovery = failing("a")
    now_s, pauses = 0.0, []
    for _ in range(9):
        recovery.seems_back(now_s)
        while (step := recovery.step(now_s)) != Recompute():
            assert not isinstance(step, Recompute)
            now_s += step.seconds if isinstance(step, Wait) else 0.0
        pauses.append(now_s)
        recovery.run_ended("gateway of a", failed("a"), now_s, MIDDLE)
    between = [later - earlier for earlier, later in pairwise(pauses)]
    assert between == pytest.approx([0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0])


def test_a_full_recovery_forgets_earlier_relapses() -> None:
    """The next failure is met as if it were the first."""
    recovery = failing("a")
    for _ in range(5):
        recovery.seems_back(100.0)
        recovery.step(100.0)
        recovery.run_ended("gateway of a", failed("a"), 100.0, MIDDLE)
    recovery.run_ended("gateway of a", None, 100.0, MIDDLE)
    recovery.run_ended("gateway of a", failed("a"), 101.0, MIDDLE)
    recovery.seems_back(101.1)
    assert recovery.step(101.1) == Recompute()


def test_an_extension_that_refuses_several_calls_is_recomputed_now_and_then() -> None:
    """Another of the refused calls may be accepted by now; the probe covers only one."""
    recovery = failing("a", count=2, is_silent=False)
    now_s = 0.0
    times: list[float] = []
    while len(times) < 4:
        step = recovery.step(now_s)
        if isinstance(step, Recompute):
            times.append(now_s)
            recovery.run_ended("gateway of a", failed("a", 2, is_silent=False), now_s, MIDDLE)
        elif isinstance(step, Wait):
            now_s += step.seconds
    assert times == pytest.approx([0.2, 0.6, 1.4, 3.0])


@pytest.mark.parametrize(
    ("count", "is_silent"), [pytest.param(1, False, id="one refused call"), pytest.param(500, True, id="nobody there")]
)
def test_otherwise_only_probes_are_made(count: int, is_silent: bool) -> None:
    """Where the probe tells everything, nothing is recomputed before it succeeds."""
    recovery = failing("a", count=count, is_silent=is_silent)
    now_s = 0.0
    while now_s < 60.0:
        step = recovery.step(now_s)
        assert not isinstance(step, Recompute)
        now_s += step.seconds if isinstance(step, Wait) else 0.0


def test_a_gateway_that_is_gone_is_not_waited_for() -> None:
    """The last failing Gateway takes the probes with it."""
    recovery = failing("a", "b")
    recovery.run_ended("gateway of b", None, 1.0, MIDDLE)
    assert recovery.step(1.0) == Probe(failed("a").last_call)
    recovery.run_ended("gateway of a", None, 1.0, MIDDLE)
    assert recovery.step(1.0) == Wait(math.inf)


def test_a_round_ends_with_its_last_gateway_also_where_that_one_succeeds() -> None:
    """Probing goes on for the Gateways that failed again."""
    recovery = failing("a", "b")
    recovery.seems_back(1.0)
    assert recovery.step(1.0) == Recompute()
    recovery.run_ended("gateway of a", failed("a"), 1.1, MIDDLE)
    recovery.run_ended("gateway of b", None, 1.2, MIDDLE)
    assert recovery.step(1.2 + PROBE_INTERVAL_S) == Probe(failed("a").last_call)


@given(failures=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_pauses_double_up_to_a_limit_give_or_take_a_fifth(failures: int, jitter: float) -> None:
    """0.2 s, 0.4 s, … 10 s."""
    base = min(FIRST_BACKOFF_S * 2 ** min(failures, 10), MAX_BACKOFF_S)
    assert base * 0.79 <= backoff_s(failures, jitter) <= min(base * 1.21, MAX_BACKOFF_S)


REPORTS = st.one_of(
    st.tuples(st.just("failed"), st.sampled_from("ab"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("ended"), st.sampled_from("ab")),
    st.tuples(st.just("probe succeeded")),
    st.tuples(st.just("step")),
)


@given(reports=st.lists(REPORTS, max_size=40))
def test_whatever_happens_a_failing_extension_is_tried_again_in_time(reports: list[tuple[object, ...]]) -> None:
    """No order of reports leaves a failing extension without a next try, or a healthy one with one."""
    recovery = Recovery()
    for at, report in enumerate(reports):
        now_s = at * 0.3
        match report:
            case ("failed", str(gateway), int(count), bool(is_silent)):
                recovery.run_ended(gateway, failed(gateway, count, is_silent=is_silent), now_s, MIDDLE)
            case ("ended", str(gateway)):
                recovery.run_ended(gateway, None, now_s, MIDDLE)
            case ("probe succeeded",):
                recovery.seems_back(now_s)
            case _:
                recovery.step(now_s)
        wait = recovery.next_try_s
        assert (wait is not None) == bool(recovery.failing)
        assert wait is None or wait <= now_s + MAX_BACKOFF_S


def test_a_call_that_fails_alone_is_tried_less_and_less_often() -> None:
    """The extension works for all else; at four calls a second, each of which kept 200 MB, 3.8 GB were gone in 5 s."""
    recovery = Recovery()
    alone = replace(failed("a", is_silent=False), is_alone=True)
    recovery.run_ended("g", alone, 0.0, MIDDLE)
    pauses, now_s = [], 0.0
    for _ in range(9):
        step = recovery.step(now_s)
        assert isinstance(step, Wait)
        pauses.append(round(step.seconds, 6))
        now_s += step.seconds + 1e-9
        assert recovery.step(now_s) == Probe(alone.last_call)
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, MAX_BACKOFF_S, MAX_BACKOFF_S, MAX_BACKOFF_S]
    recovery.run_ended("g", failed("a"), now_s, MIDDLE)
    assert recovery.next_try_s == now_s + PROBE_INTERVAL_S


def test_another_input_is_tried_at_the_first_pace_again() -> None:
    """Whoever mends it is not to wait for ten seconds."""
    recovery = Recovery()
    now_s = 0.0
    for subject in ("a", "b"):
        call = HookCall("m", Hook.ROUTE, subject, subject.encode())
        recovery.run_ended("g", replace(failed(subject, is_silent=False), last_call=call, is_alone=True), now_s, MIDDLE)
        assert recovery.next_try_s == pytest.approx(now_s + FIRST_BACKOFF_S)
        for _ in range(4):
            now_s = recovery.next_try_s or 0.0
            assert isinstance(recovery.step(now_s), Probe)
