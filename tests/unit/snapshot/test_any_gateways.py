"""Whatever comes and goes: views are those of a store that has seen nothing before; who gets another one is woken."""

from __future__ import annotations

from functools import partial

import hypothesis.strategies as st
from hypothesis import given, settings

from egxds.incremental.revision import Revision
from egxds.names import CLUSTER, LISTENER, SECRET
from egxds.object_key import ObjectKey
from egxds.resources.resource import Resource
from egxds.snapshot.merge import Exclusion
from egxds.snapshot.store import SnapshotStore
from tests.unit.snapshot.resources import cluster, listener, secret

GATEWAYS = ("ns/a", "ns/b", "ns/c")
CLASSES = ("edge", "inner")
SELECTORS = (*GATEWAYS, *CLASSES, "other")
TYPES = (CLUSTER, LISTENER, SECRET)

Contents = tuple[tuple[str, str, str], ...]
"""(Type URL, name, word) of resources."""


@st.composite
def _contents(draw: st.DrawFn) -> Contents:
    words = draw(st.dictionaries(st.tuples(st.sampled_from(TYPES), st.sampled_from("xyz")), st.sampled_from("12")))
    return tuple((type_url, name, word) for (type_url, name), word in words.items())


def _made(type_url: str, name: str, word: str) -> Resource:
    if type_url == SECRET:
        return secret(name, word.encode())
    return cluster(name, word) if type_url == CLUSTER else listener(name, word)


_CHANGES = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from(GATEWAYS), st.sampled_from(CLASSES), _contents()),
    st.tuples(st.just("remove"), st.sampled_from(GATEWAYS)),
    st.tuples(
        st.just("exclude"),
        st.sampled_from(CLASSES),
        st.frozensets(st.tuples(st.sampled_from(GATEWAYS), st.sampled_from("xyz")), max_size=3),
    ),
    st.tuples(st.just("look"), st.sampled_from(SELECTORS)),
)

Shown = tuple[dict[str, dict[str, tuple[str, tuple[ObjectKey, ...]]]], tuple[str, ...], bool] | None


def _shown(store: SnapshotStore, selector: str) -> Shown:
    view = store.view(selector)
    if view is None:
        return None
    resources = {
        type_url: {name: (one.version, tuple(one.sources)) for name, one in mapping.items()}
        for type_url, mapping in view.snapshot.resources.items()
    }
    return resources, view.gateways, view.is_fallback


class History:
    """What was published, and a store that saw it all."""

    def __init__(self) -> None:
        self.store = SnapshotStore()
        self.store.mark_loaded()
        self.woken: set[str] = set()
        self.published: dict[str, tuple[str, Contents]] = {}
        self.past: dict[str, str] = {}
        self.excluded: dict[str, frozenset[Exclusion]] = {}
        self._given: dict[str, dict[str, Revision[str, Resource]]] = {}
        for selector in SELECTORS:
            self.store.subscribe(selector, partial(self.woken.add, selector))

    def publish(self, gateway: str, class_name: str, contents: Contents) -> None:
        """Publish a Gateway, in revisions that follow those of before."""
        before = self._given.setdefault(gateway, {})
        for type_url in TYPES:
            made = {name: _made(kind, name, word) for kind, name, word in contents if kind == type_url}
            before[type_url] = before.get(type_url, Revision[str, Resource]()).renewed(made)
        last = self.published.get(gateway)
        if last is not None and last[0] != class_name:
            self.past[last[0]] = "class"
        self.published[gateway] = (class_name, contents)
        self.store.publish(gateway, class_name, before)

    def remove(self, gateway: str) -> None:
        """Take a Gateway away."""
        if gateway in self.published:
            self.past |= {gateway: "Gateway", self.published.pop(gateway)[0]: "class"}
        self.store.remove(gateway)

    def exclude(self, class_name: str, listeners: frozenset[Exclusion]) -> None:
        """Leave Listeners out."""
        self.excluded[class_name] = listeners
        self.store.exclude(class_name, listeners)

    def look(self, selector: str) -> None:
        """Ask for a view: what is not asked for must not come out otherwise."""
        self.store.view(selector)

    def anew(self) -> SnapshotStore:
        """Make a store that is given the newest state alone."""
        store = SnapshotStore()
        for name, kind in self.past.items():
            gateway, class_name = (name, "gone") if kind == "Gateway" else ("ns/gone", name)
            store.publish(gateway, class_name, {})
            store.remove(gateway)
        for gateway, (class_name, contents) in self.published.items():
            types: dict[str, dict[str, Resource]] = {type_url: {} for type_url in TYPES}
            for type_url, name, word in contents:
                types[type_url][name] = _made(type_url, name, word)
            store.publish(gateway, class_name, {type_url: Revision(made) for type_url, made in types.items()})
        for class_name, listeners in self.excluded.items():
            store.exclude(class_name, listeners)
        store.mark_loaded()
        return store


@settings(max_examples=300)
@given(st.lists(_CHANGES, max_size=10))
def test_views_do_not_depend_on_history(changes: list[tuple[object, ...]]) -> None:
    """Nor on who has asked for them before; and nobody gets another one without being woken."""
    history = History()
    for name, *arguments in changes:
        before = {selector: history.store.view(selector) for selector in SELECTORS} if name != "look" else {}
        history.woken.clear()
        getattr(history, str(name))(*arguments)
        fresh = history.anew()
        if not before:
            continue
        for selector in SELECTORS:
            assert _shown(history.store, selector) == _shown(fresh, selector), selector
            assert history.store.view(selector) is before[selector] or selector in history.woken, selector
