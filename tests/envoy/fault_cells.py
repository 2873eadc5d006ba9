"""The cells of the fault matrix: every hook, fault, policy and situation; and a selection of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass

from egxds.settings.extensions import Hook

HOOKS = tuple(hook.value for hook in Hook)
FAULTS = (
    "refuse",
    "hang",
    "unavailable",
    "internal",
    "garbage",
    "wrong-name",
    "unacceptable",
    "oversize",
    "slow",
    "die-mid-call",
    "flap",
)
POLICIES = ("deny", "hold", "bypass")
SITUATIONS = ("first start", "running", "chain of two")


@dataclass(frozen=True, order=True)
class Cell:
    """One way for one hook to fail.

    Attributes:
        policy: `onFailure` of the extension that fails.
        situation: a Gateway that is new while the extension fails already; one that was accepted before; or one
            that was accepted before by two extensions, of which the second fails.
        hook: which hook fails.
        fault: how; a mode of the extension server.
    """

    policy: str
    situation: str
    hook: str
    fault: str

    @property
    def is_chained(self) -> bool:
        """Whether two extensions have the hook."""
        return self.situation == "chain of two"

    def __str__(self) -> str:
        return "-".join(astuple(self)).replace(" ", "_")


CELLS = tuple(itertools.starmap(Cell, itertools.product(POLICIES, SITUATIONS, HOOKS, FAULTS)))

_Pair = tuple[tuple[int, str], tuple[int, str]]


def pairwise(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Choose cells until every pair of values that occurs in any occurs in a chosen one; the same ones every time."""
    left = {cell: _pairs(cell) for cell in sorted(cells)}
    uncovered = frozenset[_Pair]().union(*left.values())
    used: Counter[_Pair] = Counter()
    while uncovered:
        # Of those that cover equally much, the one whose pairs were chosen least so far.
        best = max(left, key=lambda cell: (len(left[cell] & uncovered), -sum(used[pair] for pair in left[cell])))
        used.update(left[best])
        uncovered -= left.pop(best)
        yield best


def _pairs(cell: Cell) -> frozenset[_Pair]:
    first, second, third, fourth = enumerate(astuple(cell))
    return frozenset(itertools.combinations((first, second, third, fourth), 2))
