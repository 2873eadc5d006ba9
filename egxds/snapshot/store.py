"""Which Envoy gets what: the newest snapshot of every Gateway, and views of them by `node.cluster`. Pure.

    node.cluster                                  what it gets
    anything, before all has been loaded once     nothing is said: it keeps what it has
    a Gateway                                     that Gateway
    a GatewayClass that has had a Gateway         all Gateways of the class, merged
    a Gateway that was taken away                 an empty snapshot: it is emptied on purpose
    anything else, and there is one Gateway       that one, and a warning
    anything else, and the last one has gone      an empty snapshot
    anything else                                 nothing is said

Empty and nothing are worlds apart. An empty snapshot tells an Envoy to drop all that it has, so it is only for what
was taken away while this process was watching. An Envoy that reconnects to a server that has just started, or whose
`node.cluster` has a typing error, keeps what it has: to believe a half-loaded state would remove the rest (rule 11).

The app publishes Gateways, the wire asks for views. A view is made when it is asked for, and then at most once for
each change, however many Envoys ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds.resources.resource import Resources
from egxds.snapshot.gateway import SnapshotBuilder
from egxds.snapshot.merge import ClassMerger, Exclusion
from egxds.snapshot.snapshot import EMPTY, Snapshot

_ANY_OTHER = ""
"""Selector of the Envoys that select nothing; no Gateway and no class has an empty name."""


@dataclass(frozen=True, slots=True)
class View:
    """What the Envoys of one `node.cluster` get.

    Attributes:
        snapshot: the resources.
        gateways: the Gateways they come from, sorted.
        is_fallback: `node.cluster` selects none of them: they are served because there is no other choice.
    """

    snapshot: Snapshot
    gateways: tuple[str, ...] = ()
    is_fallback: bool = False


_GONE = View(EMPTY)
_GONE_FALLBACK = View(EMPTY, is_fallback=True)


@dataclass(frozen=True, slots=True)
class _Gateway:
    class_name: str
    builder: SnapshotBuilder
    snapshot: Snapshot


class SnapshotStore:
    """Holds what is published, and tells its subscribers when that changes."""

    def __init__(self) -> None:
        self._is_loaded = False
        self._gateways: dict[str, _Gateway] = {}
        self._past_gateways: set[str] = set()
        self._classes: dict[str, ClassMerger] = {}
        self._excluded: dict[str, AbstractSet[Exclusion]] = {}
        self._views: dict[str, View] = {}
        self._stale: set[str] = set()
        self._subscribers: dict[Callable[[], None], None] = {}

    def publish(self, gateway: str, class_name: str, resources: Mapping[str, Resources]) -> bool:
        """Make these the resources of a Gateway.

        Args:
            gateway: `<namespace>/<name>`.
            class_name: its GatewayClass.
            resources: everything its Envoys are to hold: type URL → resources.

        Returns:
            Whether anything differs from what was published for it before.

        Raises:
            UnreadableMessageError: a Listener or a Cluster does not parse; nothing is published.
        """
        last = self._gateways.get(gateway)
        builder = last.builder if last else SnapshotBuilder()
        snapshot = builder.build(resources)
        # Nobody is woken for what changes nothing.
        if last and last.snapshot is snapshot and last.class_name == class_name:
            return False
        self._gateways[gateway] = _Gateway(class_name, builder, snapshot)
        self._classes.setdefault(class_name, ClassMerger())
        self._past_gateways.discard(gateway)
        self._change()
        return True

    def remove(self, gateway: str) -> None:
        """Take a Gateway away on purpose: its Envoys are emptied."""
        if self._gateways.pop(gateway, None) is not None:
            self._past_gateways.add(gateway)
            self._change()

    def exclude(self, class_name: str, listeners: AbstractSet[Exclusion]) -> None:
        """Leave Listeners out where a class is served as a whole, because another Gateway has their address.

        Args:
            class_name: the GatewayClass.
            listeners: (Gateway, Listener resource name); takes the place of what was excluded before.
        """
        if self._excluded.get(class_name, frozenset()) != listeners:
            self._excluded[class_name] = listeners
            self._change()

    def mark_loaded(self) -> None:
        """Start serving: every Gateway of the first load has been published."""
        if not self._is_loaded:
            self._is_loaded = True
            self._change()

    def view(self, node_cluster: str) -> View | None:
        """Return what an Envoy gets.

        Args:
            node_cluster: its `node.cluster`: a Gateway, a GatewayClass, or anything else.

        Returns:
            The same object while nothing changed. An empty snapshot where the Gateway that it selects, or was
            served for want of another, was removed. None where it is to keep what it has: nothing is loaded
            yet, or it selects nothing that ever existed.
        """
        if not self._is_loaded:
            return None
        # Names of Gateways have a slash and those of classes have none, so no order among the two is needed.
        if node_cluster in self._gateways or node_cluster in self._classes:
            return self._fresh_view(node_cluster)
        if node_cluster in self._past_gateways:
            return _GONE
        return self._fallback()

    def gateways(self) -> Mapping[str, str]:
        """Return what is published now: Gateway → its GatewayClass, sorted."""
        return {gateway: self._gateways[gateway].class_name for gateway in sorted(self._gateways)}

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have something called after every change of what is served; it is to return at once."""
        self._subscribers[callback] = None

    def unsubscribe(self, callback: Callable[[], None]) -> None:
        """Call it no more; nothing happens where it is not subscribed."""
        self._subscribers.pop(callback, None)

    def _change(self) -> None:
        # A view of a Gateway that has gone would keep all its bytes alive, for an Envoy that may never ask again.
        self._views = {name: view for name, view in self._views.items() if self._gateways.keys() >= set(view.gateways)}
        self._stale = set(self._views)
        if self._is_loaded:
            # A copy: who is called may unsubscribe.
            for callback in tuple(self._subscribers):
                callback()

    def _fallback(self) -> View | None:
        if len(self._gateways) == 1:
            return self._fresh_view(_ANY_OTHER)
        # With several Gateways nobody says which one is meant, and with none that ever was there is nothing to say.
        return _GONE_FALLBACK if self._past_gateways and not self._gateways else None

    def _fresh_view(self, selector: str) -> View:
        view = self._views.get(selector)
        if view is None or selector in self._stale:
            self._stale.discard(selector)
            view = self._views[selector] = self._renewed(view, self._selected(selector))
        return view

    def _selected(self, selector: str) -> View:
        if selector in self._gateways:
            return View(self._gateways[selector].snapshot, (selector,))
        if selector == _ANY_OTHER:
            ((gateway, entry),) = self._gateways.items()
            return View(entry.snapshot, (gateway,), is_fallback=True)
        parts = {gateway: entry.snapshot for gateway, entry in self._gateways.items() if entry.class_name == selector}
        merged = self._classes[selector].merge(parts, self._excluded.get(selector, frozenset()))
        return View(merged, tuple(sorted(parts)))

    @staticmethod
    def _renewed(last: View | None, view: View) -> View:
        """Return the last view where it says the same."""
        is_same = last is not None and last.snapshot is view.snapshot and last.gateways == view.gateways
        return last if last is not None and is_same else view
