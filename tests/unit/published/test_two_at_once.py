"""Two under way at once, in every order in which each is held up once; and that a missing condition is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any
from unittest import mock

import pytest

from egxds.etcd.operations import Delete, Put, Unchanged
from egxds.published import (
    ending_candidate,
    publishing,
    putting_candidate,
    rolling_back,
    swapping,
    sweeping,
)
from egxds.published.batches import batches
from egxds.published.errors import PublishedContentError
from egxds.published.reading import Seen
from tests.unit.published.interleaved import Actor
from tests.unit.published.world import LAYOUT, World

NOWHERE = "/nowhere"
NEW = {"a.yaml": b"4", "b.yaml": b"5", "c.yaml": b"6", "d/e.yaml": b"7"}

Start = Callable[[World], Actor]


def _with_candidate(start: Start) -> Start:
    """Return who begins where there is a candidate."""

    def begin(world: World) -> Actor:
        world.put_candidate(NEW).run()
        world.check()
        return start(world)

    return begin


PAIRS: dict[str, tuple[Start, Start]] = {
    "publish and publish": (lambda world: world.publish(NEW), lambda world: world.publish({"a.yaml": b"8"})),
    "publish and sweep": (lambda world: world.publish(NEW), World.sweep),
    "sweep and publish": (World.sweep, lambda world: world.publish(NEW)),
    "sweep and sweep": (World.sweep, World.sweep),
    "roll back and sweep": (lambda world: world.roll_back(1), World.sweep),
    "roll back and publish": (lambda world: world.roll_back(3), lambda world: world.publish(NEW)),
    "put a candidate and publish": (
        lambda world: world.put_candidate(NEW),
        lambda world: world.publish({"a.yaml": b"8"}),
    ),
    "publish and put a candidate": (
        lambda world: world.publish(NEW),
        lambda world: world.put_candidate({"a.yaml": b"8"}),
    ),
    "put a candidate and another": (
        lambda world: world.put_candidate(NEW),
        lambda world: world.put_candidate({"a.yaml": b"8"}),
    ),
    "put a candidate and sweep": (lambda world: world.put_candidate(NEW), World.sweep),
    "sweep and put a candidate": (World.sweep, lambda world: world.put_candidate(NEW)),
    "promote and take back": (_with_candidate(World.promote), World.take_back),
    "promote and promote": (_with_candidate(World.promote), World.promote),
    "take back and take back": (_with_candidate(World.take_back), World.take_back),
    "promote and publish": (_with_candidate(World.promote), lambda world: world.publish({"a.yaml": b"8"})),
    "take back and publish": (_with_candidate(World.take_back), lambda world: world.publish({"a.yaml": b"8"})),
    "promote and sweep": (_with_candidate(World.promote), World.sweep),
    "take back and sweep": (_with_candidate(World.take_back), World.sweep),
    "roll back and put a candidate": (lambda world: world.roll_back(3), lambda world: world.put_candidate(NEW)),
    "read and publish": (World.read, lambda world: world.publish(NEW)),
    "read and sweep": (World.read, World.sweep),
}


def world_of_four() -> World:
    """Return one of which two generations are to go at the next sweep."""
    world = World()
    for number in range(4):
        world.publish({"a.yaml": b"a%d" % number, "b.yaml": b"b%d" % number, "c.yaml": b"c"}).run()
        world.check()
    return world


def meet(pair: tuple[Start, Start], steps: int, others: int) -> tuple[bool, bool]:
    """Hold the first up after some steps, and the second after others; tell whether these were all that they had."""
    world = world_of_four()
    one, other = (start(world) for start in pair)
    was_done = tuple(_go(world, actor, most) for actor, most in ((one, steps), (other, others)))
    for actor in (one, other):
        _go(world, actor, 1000)
        world.judge(actor)
    world.check_quiet()
    return was_done[0], was_done[1]


def _go(world: World, actor: Actor, most: int) -> bool:
    for _ in range(most):
        if actor.is_done:
            return True
        actor.step()
        world.check()
    return actor.is_done


def meet_in_every_order(pair: tuple[Start, Start]) -> None:
    """Hold both up wherever they can be."""
    for steps in count():
        for others in count():
            one_was_done, other_was_done = meet(pair, steps, others)
            if other_was_done:
                break
        if one_was_done:
            break


@pytest.fixture(autouse=True)
def _few_at_a_time() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(publishing, "MOST_WRITES", 2))
        stack.enter_context(mock.patch.object(sweeping, "MOST_WRITES", 2))
        stack.enter_context(mock.patch.object(sweeping, "_FIRST_DIGITS", ("",)))
        yield


@pytest.mark.parametrize("pair", PAIRS)
def test_in_every_order(pair: str) -> None:
    """Nothing goes wrong."""
    meet_in_every_order(PAIRS[pair])


def _without(*names: str) -> Callable[[str, int], Unchanged]:
    """Return conditions of which those about some keys are none."""
    keys = [getattr(LAYOUT, name) for name in names]
    below = tuple(key for key in keys if key.endswith("/"))

    def condition(key: str, revision: int) -> Unchanged:
        return Unchanged(NOWHERE, 0) if key in keys or key.startswith(below) else Unchanged(key, revision)

    return condition


def _contents_first(keys: Sequence[str], *limits: Any) -> Iterator[list[str]]:
    return batches(list(reversed(keys)), *limits)


def _without_a_word(key: str, value: bytes) -> Put:
    return Put(NOWHERE if key == LAYOUT.swept else key, value)


def _none_is_new(_: object) -> Mapping[str, bytes]:
    return {}


Patch = tuple[object, str, object]
FAULTS: dict[str, tuple[str, tuple[Patch, ...]]] = {
    "publish without a condition on head": ("publish and publish", ((swapping, "Unchanged", _without("head")),)),
    "publish without a condition on what was swept": (
        "publish and sweep",
        ((swapping, "Unchanged", _without("swept")),),
    ),
    "sweep without a condition on head": ("publish and sweep", ((sweeping, "Unchanged", _without("head")),)),
    "sweep without a condition on the candidate": (
        "sweep and put a candidate",
        ((sweeping, "Unchanged", _without("candidate")),),
    ),
    "sweep that does not know of candidates": ("promote and sweep", ((Seen, "candidate", None),)),
    "put a candidate without a condition on head": (
        "put a candidate and publish",
        ((putting_candidate, "Unchanged", _without("head")),),
    ),
    "put a candidate without a condition on the candidate": (
        "put a candidate and another",
        ((putting_candidate, "Unchanged", _without("candidate")),),
    ),
    "put a candidate without a condition on what was swept": (
        "put a candidate and sweep",
        ((swapping, "Unchanged", _without("swept")),),
    ),
    "promote without a condition on the candidate": (
        "promote and take back",
        ((ending_candidate, "Unchanged", _without("candidate")),),
    ),
    "take back without a condition on the candidate": (
        "take back and publish",
        ((ending_candidate, "Unchanged", _without("candidate")),),
    ),
    "publish that leaves the candidate": (
        "publish and put a candidate",
        ((swapping, "Delete", lambda _: Delete(NOWHERE)),),
    ),
    "sweep without a word": ("publish and sweep", ((sweeping, "Put", _without_a_word),)),
    "sweep that removes records last": ("read and sweep", ((sweeping, "batches", _contents_first),)),
    "publish without its blobs": ("read and publish", ((publishing.Plan, "new_blobs", _none_is_new),)),
    "roll back without a condition": (
        "roll back and sweep",
        ((swapping, "Unchanged", _without("swept")), (rolling_back, "Unchanged", _without("generations"))),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    """Each condition, and the order in which things are removed, is there for a reason."""
    pair, patches = FAULTS[fault]
    with ExitStack() as stack:
        for where, name, other in patches:
            stack.enter_context(mock.patch.object(where, name, other))
        with pytest.raises((AssertionError, PublishedContentError)):
            meet_in_every_order(PAIRS[pair])
