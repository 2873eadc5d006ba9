"""What is in force when kinds are others than before, as after a reload, or cannot be asked for."""

from __future__ import annotations

import dataclasses

import pytest

from egxds.model.api.kinds import KindTable
from egxds.model.api.object import ApiModel, Kind
from egxds.model.store.store import ObjectStore
from tests.unit.model.test_store import REFUSED, names, said, the
from tests.unit.model.texts import gateway, of, route, service, tree
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import KINDS

TICKET = "apiVersion: shop.test/v1\nkind: Ticket\nmetadata: {name: ticket}\nspec: {seat: 1}\n"
ALL = (route("shop"), TICKET, gateway(), service())


def test_kinds_that_are_read_from_now_on() -> None:
    """What was passed over comes, without a change of any file; nothing else is another object, nor goes."""
    store = ObjectStore(KindTable.of(()))
    before = store.update(of(*ALL))
    assert "ticket" not in names(before)
    store.go_by(KINDS)
    after = store.update(of(*ALL), 1.0)
    assert names(after) == names(ObjectStore(KINDS).update(of(*ALL)))
    assert store_problems(after) == store_problems(ObjectStore(KINDS).update(of(*ALL)))
    assert all(the(after, item.key.name) is item for item in before.objects())
    assert {key.name for key in after.changes_since(before)} == {"ticket"}


def test_kinds_that_are_read_no_more() -> None:
    """Their objects go as those do that disappear from the files; and what is read as before is not touched."""
    store = ObjectStore(KINDS, removal_delay_s=1.0)
    before = store.update(of(*ALL), 0.0)
    store.go_by(KindTable.of(()))
    assert "ticket" in names(store.update(of(*ALL), 0.5))
    after = store.update(of(*ALL), 2.0)
    assert {key.name for key in after.changes_since(before)} == {"ticket"}
    assert said(after) == said(ObjectStore(KindTable.of(())).update(of(*ALL)))


def test_other_kinds_take_nothing_out_of_force() -> None:
    """A text that is refused now, a file that cannot be read: what they held stays, as without new kinds."""
    store = ObjectStore(KindTable.of(()))
    first = tree({"a.yaml": (route("shop"),), "b.yaml": (gateway(),), "c.yaml": (TICKET,)})
    before = store.update(first)
    unread = dataclasses.replace(
        tree({"a.yaml": (REFUSED,), "c.yaml": (TICKET,)}), unread=frozenset({"b.yaml"}), touched=frozenset({"a.yaml"})
    )
    store.go_by(KINDS)
    after = store.update(unread)
    assert names(after) == sorted([*names(before), "ticket"])
    assert the(after, "shop") is the(before, "shop")


class OnceBroken(KindTable):
    """Kinds of which asking fails while it is `broken`, as a defect of ours would."""

    broken = False

    def find(self, group: str, kind: str) -> Kind[ApiModel] | None:
        """Return what is known of a kind."""
        if OnceBroken.broken:
            raise RuntimeError("a defect")
        return super().find(group, kind)


def test_a_look_that_failed_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect on one look loses nothing: the next one takes what that one should have, although nobody says so."""
    store = ObjectStore(OnceBroken(KINDS.served, KINDS.extension_kinds))
    store.update(tree({"a.yaml": (route("a"),)}))
    both = tree({"a.yaml": (route("a"),), "b.yaml": (route("b"),)})
    monkeypatch.setattr(OnceBroken, "broken", True)
    with pytest.raises(RuntimeError):
        store.update(dataclasses.replace(both, touched=frozenset({"b.yaml"})))
    monkeypatch.setattr(OnceBroken, "broken", False)
    assert names(store.update(dataclasses.replace(both, touched=frozenset()))) == ["a", "b"]
