"""Which call it was that ended a process, and when it may be asked again."""

from __future__ import annotations

from egxds.hooks.calls import CallKey
from egxds.hooks.inprocess.suspects import FIRST_PAUSE_S, IN_A_ROW, MAX_KNOWN, MAX_PAUSE_S, Suspects
from egxds.settings.extensions import Hook


def key(number: int) -> CallKey:
    """Return what one of many calls is known by."""
    return ("shop", Hook.ROUTE, number.to_bytes(4, "big"))


def test_who_is_guilty_is_asked_less_and_less_often() -> None:
    """The pause doubles up to its limit, and the reason is told meanwhile."""
    suspects, now_s, pauses = Suspects(), 0.0, []
    for _ in range(6):
        suspects.convict(key(1), "was killed", now_s)
        assert suspects.verdict(key(1), now_s) == "was killed"
        pause_s = FIRST_PAUSE_S / 2
        while suspects.verdict(key(1), now_s + pause_s):
            pause_s *= 2
        pauses.append(pause_s)
        now_s += pause_s
    assert pauses == sorted(pauses)
    assert MAX_PAUSE_S <= pauses[-1] < 2 * MAX_PAUSE_S


def test_others_are_innocent() -> None:
    """What is known of one call is nothing about another, and one that ended nothing is innocent again."""
    suspects = Suspects()
    suspects.convict(key(1), "was killed", 0.0)
    assert (suspects.verdict(key(2), 0.0), suspects.is_known(key(2)), suspects.hopeless(0.0)) == ("", False, "")
    suspects.acquit(key(1))
    assert (suspects.verdict(key(1), 0.0), suspects.is_known(key(1))) == ("", False)


def test_when_all_are_guilty_the_rest_is_not_asked() -> None:
    """Else ten thousand hosts end a process each; after a moment one is asked, and other code is asked at once."""
    suspects = Suspects()
    for number in range(IN_A_ROW):
        assert suspects.hopeless(0.0) == ""
        suspects.convict(key(number), "was killed", 0.0)
    assert suspects.hopeless(0.0) == "was killed"
    assert suspects.hopeless(FIRST_PAUSE_S) == ""
    suspects.forget()
    assert (suspects.hopeless(0.0), suspects.is_known(key(0))) == ("", False)


def test_it_does_not_remember_more_than_so_many() -> None:
    """The oldest go."""
    suspects = Suspects()
    for number in range(MAX_KNOWN + 1):
        suspects.convict(key(number), "was killed", 0.0)
    assert [suspects.is_known(key(number)) for number in (0, 1, MAX_KNOWN)] == [False, True, True]
