"""What is remembered, and for how long."""

from __future__ import annotations

from collections import Counter

from egxds.incremental.memo import Memo


class Thing:
    """Something that is equal to nothing but itself."""


def _memory() -> tuple[Memo[list[int]], Counter[str]]:
    work: Counter[str] = Counter()
    return Memo("things", work), work


def test_same_inputs_give_the_same_object() -> None:
    """A value is made once, within one pass and over passes."""
    memory, work = _memory()
    one = Thing()
    first = memory.get("key", (one,), lambda: [1])
    assert memory.get("key", (one,), lambda: [2]) is first
    memory.forget_unused()
    assert memory.get("key", (one,), lambda: [3]) is first
    assert work == {"things": 1}


def test_other_inputs_make_a_new_value() -> None:
    """Another object, or another number of them, is other input."""
    memory, work = _memory()
    one, other = Thing(), Thing()
    values = [memory.get("key", inputs, lambda: [work.total()]) for inputs in ((one,), (other,), (one, other))]
    assert values == [[0], [1], [2]]


def test_equal_value_is_dropped_for_the_one_before() -> None:
    """What comes out equal stays the same object."""
    memory, work = _memory()
    first = memory.get("key", (Thing(),), lambda: [1])
    memory.forget_unused()
    assert memory.get("key", (Thing(),), lambda: [1]) is first
    assert work == {"things": 2}


def test_unused_value_is_forgotten() -> None:
    """What a whole pass had no use for is made again."""
    memory, work = _memory()
    one = Thing()
    first = memory.get("key", (one,), lambda: [1])
    memory.forget_unused()
    memory.forget_unused()
    assert memory.get("key", (one,), lambda: [1]) is not first
    assert work == {"things": 2}


def test_key_asked_for_twice_in_a_pass_is_made_once() -> None:
    """A value made in this pass goes before the one of the last."""
    memory, work = _memory()
    old, new = Thing(), Thing()
    memory.get("key", (old,), lambda: [1])
    memory.forget_unused()
    first = memory.get("key", (new,), lambda: [2])
    assert memory.get("key", (new,), lambda: [3]) is first
    assert work == {"things": 2}
