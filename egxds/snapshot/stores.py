"""From which store a node is served: the head, or a candidate that some nodes get first. Pure.

    HEAD ------ a candidate is expected, for some nodes -----------> HEAD, and whoever of them has it already waits
    HEAD ------ a candidate that has settled is served ------------> those nodes: CANDIDATE; all others notice nothing
    CANDIDATE - it is withdrawn: promoted, or taken back ----------> HEAD

There is one candidate at a time, and each that is served has a turn of its own: numbers of states are those of a store,
and the third state of one candidate is not that of the next one.

A candidate is whole before it is served, or its nodes would be told to drop what is not there yet. A Gateway that the
head has and the candidate has not was taken away on purpose, as if that had been published (`SnapshotStore.succeed`).

Subscribers are kept by node: whoever starts or ends a candidate wakes its nodes, and looks at no other stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds.snapshot.store import SnapshotStore

_Callback = Callable[[], None]
_NOBODY: frozenset[str] = frozenset()
_HEAD_TURN = 0


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """From where a node is served; the same object while that is so.

    Attributes:
        store: what there is for it.
        turn: tells the candidates apart that were ever served; 0 for the head.
    """

    store: SnapshotStore
    turn: int = _HEAD_TURN

    @property
    def is_canary(self) -> bool:
        """Whether it is a candidate."""
        return self.turn != _HEAD_TURN


class Stores:
    """Knows which nodes get what first.

    Attributes:
        head: what everybody else gets.
        expected: node ids for which there is a candidate that is not served here yet; a set of its own for each.
    """

    def __init__(self, head: SnapshotStore) -> None:
        """Serve everybody from one store.

        Args:
            head: that one.
        """
        self.head = head
        self.expected = _NOBODY
        self._everybody = Choice(head)
        self._first: Choice | None = None
        self._nodes = _NOBODY
        self._turns = _HEAD_TURN
        self._subscribers: dict[str, dict[_Callback, None]] = defaultdict(dict)

    @property
    def candidate(self) -> tuple[SnapshotStore, frozenset[str]] | None:
        """The candidate that is served, and the ids of its nodes; None where none is."""
        return (self._first.store, self._nodes) if self._first is not None else None

    def choice(self, node_id: str) -> Choice:
        """Return from where a node is served."""
        return self._first if self._first is not None and node_id in self._nodes else self._everybody

    def of(self, node_id: str) -> SnapshotStore:
        """Return the store that a node is served from."""
        return self.choice(node_id).store

    def expect(self, nodes: Iterable[str]) -> None:
        """Take note of a candidate that is on its way here; a node that has it from elsewhere waits for it.

        Args:
            nodes: their ids.
        """
        expected = frozenset(nodes)
        # Told once more, it is the same one.
        if expected != self.expected:
            self.expected = expected

    def serve(self, store: SnapshotStore, nodes: Iterable[str]) -> None:
        """Serve some nodes from a candidate, in place of the one before; it is expected no more.

        Args:
            store: the candidate, which has been loaded whole; begun beside the head (`SnapshotStore.beside`) it shares
                with it what is the same.
            nodes: their ids.
        """
        store.succeed(self.head)
        before, self._nodes, self.expected = self._nodes, frozenset(nodes), _NOBODY
        if self._first is not None and self._first.store is store:
            self._wake(before ^ self._nodes)
            return
        self._turns += 1
        self._first = Choice(store, self._turns)
        self._wake(before | self._nodes)

    def withdraw(self) -> None:
        """Serve everybody from the head, and expect no candidate."""
        before, self._nodes, self.expected = self._nodes, _NOBODY, _NOBODY
        self._first = None
        self._wake(before)

    def subscribe(self, node_id: str, callback: _Callback) -> None:
        """Have something called whenever a node may be served from another store.

        Args:
            node_id: the node.
            callback: is to return at once.
        """
        self._subscribers[node_id][callback] = None

    def unsubscribe(self, node_id: str, callback: _Callback) -> None:
        """Call it no more; nothing happens where it is not subscribed."""
        subscribed = self._subscribers.get(node_id, {})
        subscribed.pop(callback, None)
        if not subscribed:
            self._subscribers.pop(node_id, None)

    def _wake(self, nodes: AbstractSet[str]) -> None:
        # A copy: who is called may unsubscribe.
        for callback in [one for node in sorted(nodes) for one in self._subscribers.get(node, ())]:
            callback()
