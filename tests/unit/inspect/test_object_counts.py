"""Objects are counted as they come and go."""

from __future__ import annotations

from egxds.inspect.object_counts import ObjectCounts
from egxds.model.store.store import ObjectStore
from tests.unit.model.texts import route, service, tree
from tests.unit.model.worlds import KINDS


def test_objects_are_counted_by_kind_and_state() -> None:
    """A refused version counts beside the one that stays in force; what has no kind counts as unknown."""
    store, counts = ObjectStore(KINDS), ObjectCounts()
    counts.update(store.update(tree({"a.yaml": (route("a"), service())})))
    state = store.update(tree({"a.yaml": (route("a", "hostnames: [A]"), service()), "b.yaml": ("just text",)}))
    assert counts.update(state) == {
        ("HTTPRoute", "accepted"): 1,
        ("HTTPRoute", "refused"): 1,
        ("Service", "accepted"): 1,
        ("unknown", "refused"): 1,
    }
    assert counts.update(store.update(tree({"a.yaml": (service(),)}))) == {("Service", "accepted"): 1}
