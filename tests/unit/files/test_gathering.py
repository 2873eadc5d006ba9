"""When what was noticed is looked at."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from egxds.files.reading.content import Scan, Scope
from egxds.files.watching.gathering import Gathering, Notice, Noticed

COMPLETE, OPEN, GONE, ATTRIBUTES = Notice.COMPLETE, Notice.OPEN, Notice.GONE, Notice.ATTRIBUTES
WRITING = Notice.WRITING

Story = list[tuple[int, str | None, Notice]]
"""Milliseconds, path, what is noticed."""


def looks(story: Story) -> list[tuple[int, Scope]]:
    """Return when there is a look, in milliseconds, and at what; each as soon as it is due."""
    gathering, made, now = Gathering(), list[tuple[int, Scope]](), 0.0

    def look_until(end: float) -> None:
        nonlocal now
        while (due := max(now, 1000 * gathering.due_s())) < end:
            now = due
            made.append((round(now), gathering.take(now / 1000)))

    for at, path, notice in story:
        if at > now:
            look_until(at)
        now = at
        gathering.note(Noticed(path, notice), now / 1000)
    look_until(math.inf)
    return made


def paths(text: str) -> frozenset[str]:
    """Return single letters as paths."""
    return frozenset(text)


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(5, "a", COMPLETE)], [(5, paths("a"))], id="complete"),
        pytest.param([(5, "a", OPEN), (6, "a", OPEN), (7, "a", COMPLETE)], [(7, paths("a"))], id="written and closed"),
        pytest.param([(5, "a", OPEN)], [(30, paths("a"))], id="never closed"),
        pytest.param([(5, "a", OPEN), (20, "a", OPEN)], [(45, paths("a"))], id="still written"),
        pytest.param(
            [(at, "a", OPEN) for at in range(0, 700, 20)], [(500, paths("a")), (705, paths("a"))], id="written for ever"
        ),
        pytest.param(
            [(5, "a", COMPLETE), (5, "a", OPEN), (15, "a", COMPLETE)], [(15, paths("a"))], id="written once more"
        ),
        pytest.param(
            [(5, "a", OPEN), (6, "b", COMPLETE), (9, "a", COMPLETE)],
            [(6, paths("b")), (106, paths("a"))],
            id="one is written, another complete",
        ),
        pytest.param(
            [(0, "b", OPEN), *((at, "b", OPEN) for at in range(20, 500, 20)), (499, "a", OPEN), (501, "a", COMPLETE)],
            [(500, paths("b")), (600, paths("a"))],
            id="nobody takes another one half-written",
        ),
        pytest.param(
            [(5, "a", WRITING), (4900, "a", WRITING), (9000, "a", COMPLETE)], [(9000, paths("a"))], id="a slow writer"
        ),
        pytest.param(
            [(5, "a", OPEN), (6, "a", WRITING), (900, "a", ATTRIBUTES), (1000, "a", COMPLETE)],
            [(1000, paths("a"))],
            id="a slow writer of a new file",
        ),
        pytest.param([(5, "a", COMPLETE), (5, "a", WRITING)], [(5005, paths("a"))], id="a writer who never closes"),
        pytest.param(
            [(at, "a", WRITING) for at in range(0, 61_000, 500)],
            [(60_000, paths("a")), (65_500, paths("a"))],
            id="a writer without end",
        ),
        pytest.param(
            [(5, "a", WRITING), (6, "b", COMPLETE), (200, "a", COMPLETE)],
            [(6, paths("b")), (200, paths("a"))],
            id="a writer holds up nobody else",
        ),
        pytest.param([(5, "a", WRITING), (9, "a", GONE)], [(34, paths("a"))], id="written and gone"),
        pytest.param([(5, "a", WRITING), (9, "a", GONE), (9, "a", OPEN)], [(34, paths("a"))], id="made anew, a link"),
        pytest.param([(5, "a", GONE)], [(30, paths("a"))], id="gone"),
        pytest.param([(5, "a", GONE), (5, "b", COMPLETE)], [(5, paths("ab"))], id="renamed"),
        pytest.param(
            [(5, "a", GONE), (6, "a", OPEN), (7, "a", COMPLETE)], [(7, paths("a"))], id="moved away and made anew"
        ),
        pytest.param([(5, "a", ATTRIBUTES)], [(5, paths("a"))], id="rights"),
        pytest.param([(5, "a", OPEN), (9, "a", ATTRIBUTES)], [(34, paths("a"))], id="rights of what is written"),
        pytest.param([(5, None, GONE)], [(30, Scan.CHANGED)], id="lost"),
        pytest.param([(5, "a", OPEN), (6, None, GONE), (9, "b", COMPLETE)], [(9, Scan.CHANGED), (109, paths("a"))]),
    ],
)
def test_when_there_is_a_look(story: Story, expected: list[tuple[int, Scope]]) -> None:
    """What is complete at once, what may be half-written when it is quiet."""
    assert looks(story) == expected


def test_who_is_being_written_is_known() -> None:
    """From the first word to the close, or until nobody believes in that any more."""
    gathering = Gathering()
    known = []
    for at, notice in ((0, OPEN), (1, WRITING), (2, COMPLETE), (3, WRITING), (4, GONE), (5, WRITING)):
        gathering.note(Noticed("a", notice), at)
        known.append(gathering.is_being_written("a"))
    assert known == [False, True, False, True, False, True]
    assert gathering.take(10) == paths("a")
    assert not gathering.is_being_written("a")


def test_a_burst_is_two_looks() -> None:
    """Fifty files within ten milliseconds: the first at once, the others together."""
    story: Story = [(number // 5, chr(65 + number), COMPLETE) for number in range(50)]
    made = looks(story)
    assert [at for at, _ in made] == [0, 100]
    assert sum(map(len, (scope for _, scope in made if isinstance(scope, frozenset)))) == 50


def test_many_edits_are_few_looks() -> None:
    """500 edits of a file in a second are at most twelve looks, and none waits for long."""
    story: Story = [(2 * number, "a", notice) for number in range(500) for notice in (OPEN, COMPLETE)]
    times = [at for at, _ in looks(story)]
    assert len(times) <= 12
    assert max(after - before for before, after in pairwise(times)) <= 100
    assert times[-1] <= 998 + 100
