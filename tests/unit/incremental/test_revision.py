"""Revisions: whoever has seen an earlier one is told of every difference, and seldom of anything else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egxds.incremental.revision import REMEMBERED_STEPS, Revision

EDITS = st.lists(st.tuples(st.dictionaries(st.integers(0, 9), st.integers(0, 3)), st.sets(st.integers(0, 9))))


def test_an_edit_changes_nothing_in_the_revision_before() -> None:
    """A revision stays as it was."""
    first = Revision({"a": 1, "b": 2})
    second = first.edited({"a": 3}, ["b"])
    assert (dict(first), dict(second)) == ({"a": 1, "b": 2}, {"a": 3})
    assert second.changed_since(first) == {"a", "b"}


def test_what_changes_nothing_is_the_same_revision() -> None:
    """No difference, no revision."""
    value = object()
    first = Revision({"a": value})
    assert first.edited({"a": value}, ["z"]) is first
    assert first.renewed({"a": value}) is first
    assert first.changed_since(first) == frozenset()


def test_a_reader_that_missed_some_is_told_of_all_that_changed_since() -> None:
    """Readers need not see every revision."""
    first = Revision(dict.fromkeys("abcdef", 1))
    second = first.edited({"b": 2}).edited({"c": 3})
    assert second.edited({}, ["d"]).changed_since(first) == {"b", "c", "d"}
    assert second.changed_since(None) == set("abcdef")


def test_revisions_that_come_from_one_are_told_apart() -> None:
    """Two edits of one revision are two lines."""
    first = Revision(dict.fromkeys("abcdef", 1))
    one, other = first.edited({"a": 2}), first.edited({"b": 2})
    assert other.changed_since(one) == {"a", "b"}


def test_who_comes_too_late_is_told_by_comparing_everything() -> None:
    """The notes are as long as they are."""
    first = now = Revision(dict.fromkeys(range(1000), 0))
    for step in range(REMEMBERED_STEPS + 5):
        now = now.edited({step % 7: step + 1})
    assert now.changed_since(first) == set(range(7))


def test_notes_of_more_keys_than_there_are_entries_are_dropped() -> None:
    """A note is never dearer than looking at everything."""
    first = Revision(dict.fromkeys(range(10), 0))
    back = first.edited(dict.fromkeys(range(8), 1)).edited(dict.fromkeys(range(8), 0))
    assert back.changed_since(first) == frozenset()


@given(EDITS, st.data())
def test_no_difference_is_ever_left_out(edits: list[tuple[dict[int, int], set[int]]], data: st.DataObject) -> None:
    """Whatever is edited, and whichever two are compared."""
    revisions = [Revision[int, int]()]
    for changed, removed in edits:
        start = data.draw(st.sampled_from(revisions))
        revisions.append(start.edited(changed, removed))
    before, now = data.draw(st.sampled_from(revisions)), data.draw(st.sampled_from(revisions))
    differing = {key for key in {*before, *now} if before.get(key) is not now.get(key)}
    assert now.changed_since(before) >= differing
