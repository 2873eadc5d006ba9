"""Which Envoy gets what: the newest snapshot of every Gateway, and views of them by `node.cluster`. Pure.

    node.cluster                                  what it gets
    anything, before all has been loaded once     nothing is said: it keeps what it has
    a Gateway                                     that Gateway
    a GatewayClass that has had a Gateway         all Gateways of the class, merged
    a Gateway that was taken away                 an empty snapshot: it is emptied on purpose (also one that only the
                                                  store had whose place this one takes, `succeed`)
    anything else, and there is one Gateway       that one, and a warning; nothing is said where it stands for all of
                                                  a class (`names.merged_name`)
    anything else, and the last one has gone      an empty snapshot
    anything else                                 nothing is said

Empty and nothing are worlds apart. An empty snapshot tells an Envoy to drop all that it has, so it is only for what
was taken away while this process was watching. An Envoy that reconnects to a server that has just started, or whose
`node.cluster` has a typing error, keeps what it has: to believe a half-loaded state would remove the rest (rule 11).

The app publishes Gateways, the wire asks for views, and subscribes for a `node.cluster`: woken is who may get another
view, and nobody else.

    what changes                                  who is woken
    a Gateway, or it comes, or goes               who selects it, who selects its class (the old one, too)
    Listeners that a class leaves out             who selects the class
    a Gateway, and there is no other              also who selects nothing that there ever was
    all has been loaded once                      everybody

A Gateway's view is made when it is published, that of a class when it is asked for, and then at most once for each
change, however many Envoys ask (`merge`). No change loops over all Gateways, nor over what one of them has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from egxds.resources.resource import Resources
from egxds.snapshot.gateway import SnapshotBuilder
from egxds.snapshot.merge import ClassMerger, Exclusion
from egxds.snapshot.snapshot import EMPTY, Snapshot

_Callback = Callable[[], None]


@dataclass(frozen=True, slots=True)
class View:
    """What the Envoys of one `node.cluster` get.

    Attributes:
        snapshot: the resources.
        gateways: the Gateways they come from, sorted.
        is_fallback: `node.cluster` selects none of them: they are served because there is no other choice.
        generation: of the last change of it, or one that came after that.
    """

    snapshot: Snapshot
    gateways: tuple[str, ...] = ()
    is_fallback: bool = False
    generation: int = 0


_GONE = View(EMPTY)
_GONE_FALLBACK = View(EMPTY, is_fallback=True)


@dataclass(frozen=True, slots=True)
class _Gateway:
    class_name: str
    builder: SnapshotBuilder
    view: View
    fallback: View


class _Class:
    """A class with the view of it that was given last."""

    def __init__(self) -> None:
        self.merger = ClassMerger()
        self._view = _GONE

    def view(self, generation: int) -> View:
        """Return what there is of it now; the same object while nothing changed.

        Args:
            generation: the newest.
        """
        snapshot, gateways = self.merger.merged(), self.merger.gateways
        if self._view.snapshot is not snapshot or self._view.gateways != gateways:
            self._view = View(snapshot, gateways, generation=generation)
        return self._view

    def remove(self, gateway: str) -> None:
        """Let a Gateway go; a view that nobody asks for again is not to keep its bytes."""
        self.merger.remove(gateway)
        self._view = _GONE


class SnapshotStore:
    """Holds what is published, and tells its subscribers when that changes.

    Attributes:
        generation: number of the newest state: one more with each Gateway that is published otherwise, or goes.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._is_loaded = False
        self._gateways: dict[str, _Gateway] = {}
        self._classes: dict[str, _Class] = {}
        self._past: set[str] = set()
        self._beside: dict[str, SnapshotBuilder] = {}
        self._excluded: dict[str, AbstractSet[Exclusion]] = {}
        self._subscribers: dict[str, dict[_Callback, None]] = defaultdict(dict)

    def beside(self) -> SnapshotStore:
        """Return an empty store for what is to take this one's place, perhaps, and is much the same.

        What is equal to what is published here now is the same object there, so that it is kept once, and who changes
        over from one to the other is compared by what differs.
        """
        other = SnapshotStore()
        other._beside = {name: gateway.builder.beside() for name, gateway in self._gateways.items()}
        return other

    def publish(self, gateway: str, class_name: str, resources: Mapping[str, Resources]) -> bool:
        """Make these the resources of a Gateway.

        Args:
            gateway: `<namespace>/<name>`.
            class_name: its GatewayClass.
            resources: everything its Envoys are to hold: type URL → resources, of which those that are no revision of
                what was published before are all compared.

        Returns:
            Whether anything differs from what was published for it before.

        Raises:
            UnreadableMessageError: a Listener or a Cluster does not parse; nothing is published.
        """
        last, count = self._gateways.get(gateway), len(self._gateways)
        builder = last.builder if last else self._beside.get(gateway) or SnapshotBuilder()
        snapshot = builder.build(resources)
        self._beside.pop(gateway, None)
        # Nobody is woken for what changes nothing.
        if last and last.view.snapshot is snapshot and last.class_name == class_name:
            return False
        is_moved = last is not None and last.class_name != class_name
        if last and is_moved:
            self._leave(gateway, last.class_name)
        self.generation += 1
        view = View(snapshot, (gateway,), generation=self.generation)
        self._gateways[gateway] = _Gateway(class_name, builder, view, replace(view, is_fallback=True))
        self._past -= {gateway, class_name}
        self._class(class_name).merger.put(gateway, snapshot)
        self._wake(count, gateway, class_name, *((last.class_name,) if last and is_moved else ()))
        return True

    def remove(self, gateway: str) -> None:
        """Take a Gateway away on purpose: its Envoys are emptied."""
        count = len(self._gateways)
        last = self._gateways.pop(gateway, None)
        if last is not None:
            self.generation += 1
            self._past.add(gateway)
            self._leave(gateway, last.class_name)
            self._wake(count, gateway, last.class_name)

    def exclude(self, class_name: str, listeners: AbstractSet[Exclusion]) -> None:
        """Leave Listeners out where a class is served as a whole, because another Gateway has their address.

        Args:
            class_name: the GatewayClass.
            listeners: (Gateway, Listener resource name); takes the place of what was excluded before.
        """
        # Known beyond the class, of which the first Gateway may be published after this, or the last one go before.
        self._excluded.pop(class_name, None)
        if listeners:
            self._excluded[class_name] = listeners
        served = self._classes.get(class_name)
        if served is not None and served.merger.exclude(listeners):
            self._call((class_name,))

    def succeed(self, before: SnapshotStore) -> None:
        """Take another store's place: what that has, or had, and this has not was taken away on purpose.

        Args:
            before: what the Envoys were served from that are served from this one next.
        """
        gone = [one for one in (*before._gateways, *before._classes, *before._past) if not self._is_known(one)]
        self._past.update(gone)
        # What came to be is here; the bytes of all else are kept for nothing.
        self._beside.clear()
        self._call(gone)

    def mark_loaded(self) -> None:
        """Start serving: every Gateway of the first load has been published."""
        if not self._is_loaded:
            self._is_loaded = True
            self._call(tuple(self._subscribers))

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
        if node_cluster in self._gateways:
            return self._gateways[node_cluster].view
        if node_cluster in self._classes:
            return self._classes[node_cluster].view(self.generation)
        return _GONE if node_cluster in self._past else self._fallback()

    def gateways(self) -> Mapping[str, str]:
        """Return what is published now: Gateway → its GatewayClass, sorted."""
        return {gateway: self._gateways[gateway].class_name for gateway in sorted(self._gateways)}

    def snapshot(self, gateway: str) -> Snapshot:
        """Return what is published for a Gateway, loaded or not; empty where nothing is."""
        found = self._gateways.get(gateway)
        return found.view.snapshot if found is not None else EMPTY

    def subscribe(self, node_cluster: str, callback: _Callback) -> None:
        """Have something called after every change after which an Envoy may get another view.

        Args:
            node_cluster: its `node.cluster`.
            callback: is to return at once.
        """
        self._subscribers[node_cluster][callback] = None

    def unsubscribe(self, node_cluster: str, callback: _Callback) -> None:
        """Call it no more; nothing happens where it is not subscribed."""
        subscribed = self._subscribers.get(node_cluster, {})
        subscribed.pop(callback, None)
        if not subscribed:
            self._subscribers.pop(node_cluster, None)

    def _class(self, class_name: str) -> _Class:
        found = self._classes.get(class_name)
        if found is None:
            found = self._classes[class_name] = _Class()
            found.merger.exclude(self._excluded.get(class_name, frozenset()))
        return found

    def _leave(self, gateway: str, class_name: str) -> None:
        """Take a Gateway out of its class; of one that has no other, no more is known than that there was one."""
        self._classes[class_name].remove(gateway)
        if not self._classes[class_name].merger.gateways:
            del self._classes[class_name]
            self._past.add(class_name)

    def _fallback(self) -> View | None:
        if len(self._gateways) == 1:
            ((name, only),) = self._gateways.items()
            # All Gateways of a class are more than whoever names one of them is to get.
            return None if name.startswith("/") else only.fallback
        # With several Gateways nobody says which one is meant, and with none that ever was there is nothing to say.
        return _GONE_FALLBACK if self._past and not self._gateways else None

    def _wake(self, count_before: int, *selectors: str) -> None:
        """Call who selects one of these, and who is or was served for want of another.

        Args:
            count_before: how many Gateways there were.
            selectors: Gateways and classes.
        """
        is_any_other_served = min(count_before, len(self._gateways)) <= 1
        others = [one for one in self._subscribers if not self._is_known(one)] if is_any_other_served else []
        self._call((*selectors, *others))

    def _is_known(self, selector: str) -> bool:
        return selector in self._gateways or selector in self._classes or selector in self._past

    def _call(self, selectors: Iterable[str]) -> None:
        if not self._is_loaded:
            return
        # A copy: who is called may unsubscribe.
        for callback in [one for selector in selectors for one in self._subscribers.get(selector, ())]:
            callback()
