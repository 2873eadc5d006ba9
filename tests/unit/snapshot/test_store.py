"""Which Envoy gets what, and when it hears of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import pytest

from egxds.names import CLUSTER, LISTENER, SECRET
from egxds.resources.resource import Resource
from egxds.snapshot.store import SnapshotStore, View
from tests.revisions import by_type
from tests.unit.snapshot.resources import cluster, listener, secret


def _store(**gateways: tuple[Resource, ...]) -> SnapshotStore:
    """Make a loaded store whose Gateways, all of class `edge`, are in namespace `ns`."""
    store = SnapshotStore()
    for name, resources in gateways.items():
        store.publish(f"ns/{name}", "edge", by_type(resources))
    store.mark_loaded()
    return store


def _view(store: SnapshotStore, node_cluster: str) -> View:
    view = store.view(node_cluster)
    assert view is not None
    return view


def _names(store: SnapshotStore, node_cluster: str, type_url: str = CLUSTER) -> list[str]:
    return sorted(_view(store, node_cluster).snapshot.of(type_url))


def test_nothing_is_served_before_the_first_complete_load() -> None:
    """A reconnecting Envoy would take a half-loaded state for removals."""
    store = SnapshotStore()
    store.publish("ns/a", "edge", by_type((cluster("a"),)))
    assert [store.view(selector) for selector in ("ns/a", "edge", "other")] == [None, None, None]
    store.mark_loaded()
    assert _names(store, "ns/a") == ["a"]


def test_gateway_is_selected_by_its_name() -> None:
    """An Envoy gets that Gateway and no other."""
    store = _store(a=(cluster("a"),), b=(cluster("b"),))
    assert (_names(store, "ns/a"), _names(store, "ns/b")) == (["a"], ["b"])
    assert (_view(store, "ns/a").gateways, _view(store, "ns/a").is_fallback) == (("ns/a",), False)


def test_class_has_all_of_its_gateways() -> None:
    """Merged, sorted; Gateways of another class are not in it."""
    store = _store(b=(cluster("b"),), a=(cluster("a"), listener("l")))
    store.publish("ns/c", "inner", by_type((cluster("c"),)))
    assert (_names(store, "edge"), _names(store, "edge", LISTENER)) == (["a", "b"], ["l"])
    assert _view(store, "edge").gateways == ("ns/a", "ns/b")
    assert _names(store, "inner") == ["c"]


def test_published_gateways_are_listed() -> None:
    """With their classes, sorted; removed ones are not."""
    store = _store(b=(), a=())
    store.publish("ns/c", "inner", by_type(()))
    store.remove("ns/b")
    assert list(store.gateways().items()) == [("ns/a", "edge"), ("ns/c", "inner")]


def test_first_gateway_by_name_wins() -> None:
    """Where two Gateways of a class have a resource of the same type and name."""
    store = _store(b=(secret("s", b"b"),), a=(secret("s", b"a"),))
    assert _view(store, "edge").snapshot.of(SECRET)["s"].body == b"a"


def test_any_other_node_gets_the_only_gateway() -> None:
    """And the caller can see that it was not selected."""
    store = _store(a=(cluster("a"),))
    view = _view(store, "whatever")
    assert (view.is_fallback, view.gateways, view.snapshot is _view(store, "ns/a").snapshot) == (True, ("ns/a",), True)


def test_any_other_node_gets_nothing_where_there_is_a_choice() -> None:
    """It keeps what it has: nobody knows what it should have."""
    store = _store(a=(cluster("a"),), b=(cluster("b"),))
    assert store.view("whatever") is None
    store.remove("ns/b")
    assert _names(store, "whatever") == ["a"]


def test_nothing_that_ever_existed_is_served_with_nothing() -> None:
    """Sources that are empty after a restart tear down no Envoy."""
    assert _store().view("ns/a") is None


def test_removed_gateway_empties_its_envoys() -> None:
    """It went away on purpose; its Envoys do not get another Gateway instead."""
    store = _store(a=(cluster("a"),), b=(cluster("b"),))
    store.remove("ns/a")
    view = _view(store, "ns/a")
    assert (dict(view.snapshot.resources), view.is_fallback) == ({}, False)
    assert _names(store, "edge") == ["b"]


def test_removed_gateway_may_come_back() -> None:
    """Its Envoys are served again."""
    store = _store(a=(cluster("a"),), b=())
    store.remove("ns/a")
    assert store.publish("ns/a", "edge", by_type((cluster("a"),)))
    assert _names(store, "ns/a") == ["a"]


def test_nothing_of_a_removed_gateway_is_kept() -> None:
    """Gateways that come and go leave nothing behind, whoever looked at them."""
    body = bytes(range(9))
    held_by_us = sys.getrefcount(body)
    store = _store(a=(), b=(secret("s", body),))
    assert _names(store, "ns/b", SECRET) == _names(store, "edge", SECRET) == ["s"]
    store.remove("ns/b")
    assert _names(store, "edge", SECRET) == []
    assert sys.getrefcount(body) == held_by_us


def test_last_gateway_empties_everyone_when_it_goes() -> None:
    """Those that had it for want of another, too."""
    store = _store(a=(cluster("a"),))
    store.remove("ns/a")
    assert [dict(_view(store, selector).snapshot.resources) for selector in ("ns/a", "edge", "other")] == [{}, {}, {}]
    assert _view(store, "other").is_fallback


def test_gateway_may_change_its_class() -> None:
    """It leaves the one and joins the other."""
    store = _store(a=(cluster("a"),), b=(cluster("b"),))
    assert store.publish("ns/a", "inner", by_type((cluster("a"),)))
    assert (_names(store, "edge"), _names(store, "inner")) == (["b"], ["a"])


def test_excluded_listeners_are_left_out_of_the_class_only() -> None:
    """Two Gateways of a class want one address: the second keeps it for its own Envoys."""
    store = _store(a=(listener("ns/a/http"),), b=(listener("ns/b/http"), listener("ns/b/https")))
    store.exclude("edge", frozenset({("ns/b", "ns/b/http")}))
    assert _names(store, "edge", LISTENER) == ["ns/a/http", "ns/b/https"]
    assert _names(store, "ns/b", LISTENER) == ["ns/b/http", "ns/b/https"]
    store.exclude("edge", frozenset())
    assert _names(store, "edge", LISTENER) == ["ns/a/http", "ns/b/http", "ns/b/https"]


def test_views_are_the_same_objects_while_nothing_changed() -> None:
    """Whatever selects them; a change elsewhere is no change."""
    store = _store(a=(cluster("a"),), b=(cluster("b"),))
    before = [store.view(selector) for selector in ("ns/a", "edge")]
    assert not store.publish("ns/a", "edge", by_type((cluster("a"),)))
    store.publish("ns/c", "inner", by_type((cluster("c"),)))
    assert [store.view(selector) for selector in ("ns/a", "edge")] == before
    assert all(store.view(selector) is view for selector, view in zip(("ns/a", "edge"), before, strict=True))


def test_types_of_a_merged_view_are_the_same_objects_while_nothing_of_them_changed() -> None:
    """A session compares nothing of a type whose mapping is the same."""
    store = _store(a=(cluster("a"), listener("la"), secret("s")), b=(cluster("b"), listener("lb")))
    store.exclude("edge", frozenset({("ns/b", "lb")}))
    before = _view(store, "edge").snapshot
    store.publish("ns/b", "edge", by_type((cluster("b", "changed"), listener("lb"))))
    after = _view(store, "edge").snapshot
    assert [after.of(kind) is before.of(kind) for kind in (CLUSTER, LISTENER, SECRET)] == [False, True, True]
    assert after.of(CLUSTER)["a"] is before.of(CLUSTER)["a"]


def test_type_that_vanished_from_a_merged_view_may_come_back() -> None:
    """What was merged before does not stand in the way."""
    store = _store(a=(cluster("a"), secret("s")), b=(cluster("b"),))
    assert _names(store, "edge", SECRET) == ["s"]
    store.publish("ns/a", "edge", by_type((cluster("a"),)))
    assert _names(store, "edge", SECRET) == []
    store.publish("ns/a", "edge", by_type((cluster("a"), secret("s"))))
    assert _names(store, "edge", SECRET) == ["s"]


def test_subscribers_hear_of_every_change() -> None:
    """Of changes only, from the first complete load on, and as long as they want."""
    store = SnapshotStore()
    heard: list[int] = []

    def listen() -> None:
        heard.append(len(_names(store, "edge")))

    store.subscribe("edge", listen)
    store.publish("ns/a", "edge", by_type((cluster("a"),)))
    assert heard == []
    store.mark_loaded()
    store.mark_loaded()
    store.publish("ns/a", "edge", by_type((cluster("a"),)))
    assert heard == [1]
    store.publish("ns/a", "edge", by_type((cluster("a"), cluster("b"))))
    store.exclude("edge", frozenset())
    store.exclude("edge", frozenset({("ns/a", "x")}))
    store.remove("ns/a")
    store.remove("ns/a")
    assert heard == [1, 2, 2, 0]
    store.unsubscribe("edge", listen)
    store.unsubscribe("edge", listen)
    store.publish("ns/a", "edge", by_type(()))
    assert heard == [1, 2, 2, 0]


Change = Callable[[SnapshotStore], object]

_SELECTORS = ("ns/a", "ns/b", "ns/c", "edge", "inner", "other")
WOKEN: dict[str, tuple[tuple[str, ...], Change, str]] = {
    "a Gateway changes": (("a", "b"), lambda store: _publish(store, "a", "edge", "new"), "ns/a edge"),
    "the only Gateway changes": (
        ("a",),
        lambda store: _publish(store, "a", "edge", "new"),
        "ns/a edge ns/b ns/c inner other",
    ),
    "a second one comes": (("a",), lambda store: _publish(store, "b", "edge"), "ns/b edge ns/c inner other"),
    "a third one comes": (("a", "b"), lambda store: _publish(store, "c", "inner"), "ns/c inner"),
    "one of two goes": (("a", "b"), lambda store: store.remove("ns/a"), "ns/a edge ns/c inner other"),
    "one of three goes": (("a", "b", "c"), lambda store: store.remove("ns/a"), "ns/a edge"),
    "the last one goes": (("a",), lambda store: store.remove("ns/a"), "ns/a edge ns/b ns/c inner other"),
    "a Gateway moves": (("a", "b"), lambda store: _publish(store, "a", "inner"), "ns/a edge inner"),
    "a Listener is left out": (("a",), lambda store: store.exclude("edge", frozenset({("ns/a", "l")})), "edge"),
}


def _publish(store: SnapshotStore, name: str, class_name: str, word: str = "") -> None:
    store.publish(f"ns/{name}", class_name, by_type((cluster(name, word),)))


@pytest.mark.parametrize(("gateways", "change", "expected"), WOKEN.values(), ids=WOKEN.keys())
def test_woken_is_who_may_get_another_view(gateways: tuple[str, ...], change: Change, expected: str) -> None:
    """And nobody else: of a thousand Gateways' Envoys those of one."""
    store = _store(**{name: (cluster(name),) for name in gateways})
    heard: list[str] = []
    for selector in _SELECTORS:
        store.subscribe(selector, partial(heard.append, selector))
    change(store)
    assert sorted(heard) == sorted(expected.split())


def test_class_is_forgotten_with_its_last_gateway() -> None:
    """Of classes that come and go nothing stays but that they were there, and what is to be left out of them."""
    store = _store(a=(listener("l"), listener("m")))
    store.exclude("edge", frozenset({("ns/a", "l")}))
    store.remove("ns/a")
    assert _names(store, "edge", LISTENER) == []
    store.publish("ns/a", "edge", by_type((listener("l"), listener("m"))))
    assert _names(store, "edge", LISTENER) == ["m"]


def test_subscriber_may_leave_while_it_is_called() -> None:
    """The others are called all the same."""
    store = _store(a=())
    heard: list[str] = []

    def leave() -> None:
        store.unsubscribe("ns/a", leave)
        heard.append("left")

    store.subscribe("ns/a", leave)
    store.subscribe("ns/a", lambda: heard.append("stayed"))
    store.publish("ns/a", "edge", by_type((cluster("a"),)))
    assert heard == ["left", "stayed"]
