"""For how long a Gateway may be held."""

from __future__ import annotations

from dataclasses import replace

from egxds.hooks.policy.hold_clock import HoldClock
from egxds.hooks.policy.outcome import HookedGateway
from egxds.settings.extensions import Hook
from tests.unit.hooks.extensions import drive, failing, manager, working
from tests.unit.hooks.gateways import translation

SHORT = manager("short", "hold", holdFor="10s")
LONG = manager("long", "hold", holdFor="1m")
ENDLESS = manager("endless", "hold")
DENYING = manager("denying", "deny")
MANAGERS = (SHORT, LONG, ENDLESS, DENYING)
ALL = ("short", "long", "endless", "denying")
ACCEPTED = drive(translation(), MANAGERS, working)


def failed(*names: str) -> HookedGateway:
    """Return a run in which these extensions failed."""
    runs = [drive(translation(), (one,), failing(*Hook)) for one in MANAGERS if one.name in names]
    return replace(ACCEPTED, failures=tuple(failure for run in runs for failure in run.failures))


def clock(**since_s: float) -> HoldClock:
    """Return a clock that goes on from before a restart."""
    return HoldClock(MANAGERS, since_s)


def test_an_extension_expires_when_it_has_held_for_long_enough() -> None:
    """Each has its own limit; one without a limit, or with another policy, has none."""
    running = clock()
    running.run_ended(failed(*ALL), 100.0)
    assert [running.expired(at) for at in (100.0, 109.9, 110.0, 160.0, 1e9)] == [
        frozenset(),
        frozenset(),
        {"short"},
        {"short", "long"},
        {"short", "long"},
    ]
    assert [running.next_expiry_s(at) for at in (100.0, 110.0, 160.0)] == [110.0, 160.0, None]
    assert running.failing_since == {"short": 100.0, "long": 100.0, "endless": 100.0}


def test_another_failure_does_not_start_it_over() -> None:
    """What counts is when the extension failed first."""
    running = clock()
    for at in (100.0, 105.0, 109.0):
        running.run_ended(failed("short"), at)
    assert running.expired(110.0) == {"short"}


def test_a_success_starts_it_over() -> None:
    """An extension that came back may hold for the whole time again; the others go on."""
    running = clock()
    running.run_ended(failed("short", "long"), 100.0)
    running.run_ended(failed("long"), 105.0)
    running.run_ended(failed("short", "long"), 106.0)
    assert running.failing_since == {"short": 106.0, "long": 100.0}
    running.run_ended(ACCEPTED, 107.0)
    assert (running.failing_since, running.next_expiry_s(107.0)) == ({}, None)


def test_it_goes_on_after_a_restart() -> None:
    """The time in which egxds did not run counts; an extension that is set up no more does not."""
    running = clock(short=100.0, gone=1.0, denying=1.0)
    assert running.expired(1000.0) == {"short"}
    assert running.failing_since == {"short": 100.0}
