"""Wire room: what one stream is to hold, and from which store.

A stream has a store from its first request on, and has another one whenever its node has (`snapshot.stores`):

    NOBODY ---- the client says who it is -----------------------------> STALE
    STALE ----- the writer looks: the view, and from where it is ------> FRESH, and the session has it
    FRESH ----- the store has another view, or the node another store -> STALE; the stream is woken, once
    any ------- the stream ends ---------------------------------------> subscribed to nothing

The session needs to know nothing of stores: versions are those of content, so that it sends of the other store what is
other there, and has dropped what is not there. It looks once for however many changes, and so a candidate that comes
and is gone again before that is nothing to it.

Where the head says nothing to a node (it selects what the head never had), a candidate may have. What came with the
candidate goes with it: then, and only then, nothing known is an empty snapshot.
"""

from __future__ import annotations

from collections.abc import Callable

from egxds.inspect.envoys import OfferedState
from egxds.sessions.events import Node
from egxds.sessions.open_streams import Client
from egxds.snapshot.snapshot import EMPTY, Snapshot
from egxds.snapshot.store import View
from egxds.snapshot.stores import Choice, Stores
from egxds.wire.xds.report import StreamReport


class StreamView:
    """What there is for one stream.

    Attributes:
        is_stale: it may be another than the session has.
    """

    def __init__(self, stores: Stores, client: Client, report: StreamReport, stale: Callable[[], None]) -> None:
        """Know of nothing for it.

        Args:
            stores: what there is to serve.
            client: the other end of the stream; its session is given what there is.
            report: is told what that is.
            stale: is called once when that may be another; it is to return at once.
        """
        self.is_stale = False
        self._stores = stores
        self._client = client
        self._report = report
        self._stale = stale
        self._node: Node | None = None
        self._choice = Choice(stores.head)
        self._candidate_turn: int | None = None

    def open(self, node: Node) -> None:
        """Begin to look, for the node of the first request."""
        self._node = node
        self._choice = self._stores.choice(node.id)
        self._stores.subscribe(node.id, self._chosen)
        self._choice.store.subscribe(node.cluster, self._changed)
        self.is_stale = True

    def close(self) -> None:
        """Look no more."""
        if self._node is not None:
            self._stores.unsubscribe(self._node.id, self._chosen)
            self._choice.store.unsubscribe(self._node.cluster, self._changed)

    def there_is(self) -> Snapshot | None:
        """Return what there is at this moment; None where that is not known."""
        view = self._choice.store.view(self._node.cluster) if self._node is not None else None
        return view.snapshot if view is not None else None

    def renew(self) -> None:
        """Have the session hold what there is now."""
        if self._node is None or not self.is_stale:
            return
        self.is_stale = False
        choice, view = self._choice, self._choice.store.view(self._node.cluster)
        self._describe(self._node, choice, view)
        if view is not None:
            self._report.offered(OfferedState(view.generation, choice.turn))
            self._candidate_turn = choice.turn if choice.is_canary else None
            self._client.session.offer(view.snapshot)
        else:
            # None is not empty: nothing is sent, not even removals.
            is_gone = self._candidate_turn not in (None, choice.turn)
            self._client.session.offer(EMPTY if is_gone else None)

    def _describe(self, node: Node, choice: Choice, view: View | None) -> None:
        client = self._client
        client.gateways = view.gateways if view else ()
        client.is_fallback = view is not None and view.is_fallback
        if client.is_canary != choice.is_canary:
            client.is_canary = choice.is_canary
            self._report.changed_over(is_canary=choice.is_canary)
        if view is None or view.is_fallback:
            self._report.selects_nothing(node.cluster, client.gateways, choice.store)

    def _chosen(self) -> None:
        if self._node is None:
            return
        before, self._choice = self._choice, self._stores.choice(self._node.id)
        if self._choice is not before:
            before.store.unsubscribe(self._node.cluster, self._changed)
            self._choice.store.subscribe(self._node.cluster, self._changed)
            self._changed()

    def _changed(self) -> None:
        # Else it is in line already, or was not looked at since.
        if not self.is_stale:
            self.is_stale = True
            self._stale()
