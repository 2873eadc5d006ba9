"""Objects that go back to what was in force of them, as long as their text says what an Envoy refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from egxds.files.documents.document import FileTree
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.kinds import KindTable
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.problems import is_held
from egxds.model.store.rolled_back import Bar, WrittenObject
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.object_key import ObjectKey
from tests.unit.model.texts import of, route, service, tree
from tests.unit.model.worlds import KINDS

KEY = HTTP_ROUTE.key("default", "a")
OLD, BAD, MENDED = (route("a", f"hostnames: [{host}.test]") for host in ("old", "bad", "mended"))
REFUSED = route("a", "hostnames: ['*']")
WHY = "Envoy 'one' refuses it"


def written(state: GatewayState, key: ObjectKey = KEY) -> WrittenObject | None:
    """Return what is in force of an object, with its text."""
    item = state.find(key)
    return WrittenObject(item, state.places[key].document) if item is not None else None


def bar(barred: GatewayState, former: GatewayState | None, key: ObjectKey = KEY) -> dict[ObjectKey, Bar]:
    """Bar what an object says in one state for what it said in another."""
    before, now = written(former, key) if former is not None else None, written(barred, key)
    assert now is not None
    return {key: Bar(now, before, before.item if before is not None else None, WHY)}


def hosts(state: GatewayState) -> tuple[tuple[str, ...], int] | None:
    """Return the hostnames and the generation of the route in force."""
    found = state.of(HTTP_ROUTE).get(KEY)
    return (found.content.hostnames, found.generation) if found is not None else None


def rolled_back_store() -> tuple[ObjectStore, GatewayState]:
    """Return a store in which an edit was gone back on, and the state of that."""
    store = ObjectStore(KINDS)
    good = store.update(of(OLD))
    bad = store.update(of(BAD))
    store.roll_back(bar(bad, good))
    return store, store.update(of(BAD))


def test_what_was_in_force_before_is_so_again() -> None:
    """The very object, of its own generation; where its text stands is known, and that it is not what it says."""
    store = ObjectStore(KINDS)
    good = store.update(of(OLD))
    bad = store.update(of(BAD))
    store.roll_back(bar(bad, good))
    back = store.update(of(BAD))
    assert back.find(KEY) is good.find(KEY)
    assert hosts(back) == (("old.test",), 1)
    assert set(back.changes) == {KEY}
    assert back.rolled_back[KEY].bar.why == WHY
    assert not is_held(back, KEY)
    assert store.update(of(BAD)).find(KEY) is good.find(KEY)


def test_an_edit_is_in_force_and_counts_on() -> None:
    """From what was refused, whose generation people have seen."""
    store, _ = rolled_back_store()
    mended = store.update(of(MENDED))
    assert hosts(mended) == (("mended.test",), 3)
    assert not mended.rolled_back
    assert hosts(store.update(of(BAD))) == (("bad.test",), 4)


def test_an_edit_back_changes_nothing_but_the_mark() -> None:
    """What it says is what is in force."""
    store, back = rolled_back_store()
    again = store.update(of(OLD))
    assert again.find(KEY) is back.find(KEY)
    assert not again.changes
    assert not again.rolled_back


def test_a_comment_and_another_place_are_no_edit() -> None:
    """The object says the same."""
    store, back = rolled_back_store()
    moved = store.update(tree({"b.yaml": ("# moved\n" + BAD,)}))
    assert moved.find(KEY) is back.find(KEY)
    assert moved.locate_definition(moved.rolled_back[KEY].definition).file == "b.yaml"
    assert moved.places[KEY].document.file == "b.yaml"


def test_it_is_tried_as_it_is_written_once_the_bar_is_lifted() -> None:
    """Of the generation that it had; and another bar has it go back again."""
    store, back = rolled_back_store()
    store.lift([KEY])
    tried = store.update(of(BAD))
    assert hosts(tried) == (("bad.test",), 2)
    assert not tried.rolled_back
    store.roll_back(bar(tried, back))
    assert hosts(store.update(of(BAD))) == (("old.test",), 1)


def test_an_object_of_which_nothing_was_in_force_is_not() -> None:
    """It is known where it stands; an edit has it in force, as a new object."""
    store = ObjectStore(KINDS)
    store.update(of(service()))
    bad = store.update(of(service(), BAD))
    store.roll_back(bar(bad, None))
    back = store.update(of(service(), BAD))
    assert (back.find(KEY), KEY in back.places, set(back.changes)) == (None, False, {KEY})
    assert back.locate_definition(back.rolled_back[KEY].definition).line == 7
    mended = store.update(of(service(), MENDED))
    assert hosts(mended) == (("mended.test",), 1)
    assert not mended.rolled_back


def test_a_text_that_is_refused_leaves_in_force_what_is() -> None:
    """That it is refused is what people are told; what it said before is barred still."""
    store, back = rolled_back_store()
    refused = store.update(of(REFUSED))
    assert refused.find(KEY) is back.find(KEY)
    assert is_held(refused, KEY)
    assert not refused.rolled_back
    assert hosts(store.update(of(BAD))) == (("old.test",), 1)


def test_a_file_that_cannot_be_read_changes_nothing() -> None:
    """Nor does its coming back."""
    store, back = rolled_back_store()
    unread = store.update(FileTree({}, unread=frozenset({"a.yaml"})))
    assert unread.find(KEY) is back.find(KEY)
    assert KEY in unread.rolled_back
    assert store.update(of(BAD)).find(KEY) is back.find(KEY)


def test_an_object_that_disappears_for_a_moment_stays_rolled_back() -> None:
    """A file that is being replaced says nothing for a while."""
    store = ObjectStore(KINDS, removal_delay_s=1.0)
    good = store.update(of(OLD), 0.0)
    bad = store.update(of(BAD), 1.0)
    store.roll_back(bar(bad, good))
    store.update(of(BAD), 2.0)
    leaving = store.update(of(), 3.0)
    assert (hosts(leaving), KEY in leaving.rolled_back) == ((("old.test",), 1), True)
    assert hosts(store.update(of(BAD), 3.5)) == (("old.test",), 1)
    store.update(of(), 4.0)
    gone = store.update(of(), 5.5)
    assert (gone.find(KEY), len(gone.rolled_back)) == (None, 0)
    assert hosts(store.update(of(BAD), 6.0)) == (("bad.test",), 1)


def test_what_nothing_is_in_force_of_is_not_tried_for_a_moment_without_its_text() -> None:
    """Nor while its file cannot be read; once it is gone for good, it is new when it is back."""
    store = ObjectStore(KINDS, removal_delay_s=1.0)
    bad = store.update(of(BAD), 0.0)
    store.roll_back(bar(bad, None))
    store.update(of(BAD), 1.0)
    unread = FileTree({}, unread=frozenset({"a.yaml"}))
    for away, now_s in ((unread, 2.0), (of(), 5.0)):
        assert store.update(away, now_s).find(KEY) is None
        back = store.update(of(BAD), now_s + 0.5)
        assert (back.find(KEY), KEY in back.rolled_back) == (None, True)
    store.update(unread, 7.0)
    store.update(of(), 8.0)
    assert store.next_removal_s == 9.0
    store.update(of(), 9.5)
    assert hosts(store.update(of(BAD), 10.0)) == (("bad.test",), 1)


def test_other_kinds_and_a_copy_of_the_store_know_it_too() -> None:
    """Every text is parsed anew; what was refused for its size took nothing along."""
    store, _ = rolled_back_store()
    other = store.copy()
    store.lift([KEY])
    assert hosts(store.update(of(BAD))) == (("bad.test",), 2)
    other.go_by(KindTable.of([]))
    assert hosts(other.update(of(BAD))) == (("old.test",), 1)


TEXTS = (OLD, BAD, MENDED, REFUSED, "# nothing\n")
STEPS = st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(("look", "bar", "lift"))), max_size=12)


@dataclass
class PlainStore:
    """What the store must agree with: one object, and all that was ever said of it."""

    in_force: ApiObject[ApiModel] | None = None
    bars: dict[tuple[str, ...], ApiObject[ApiModel] | None] = field(default_factory=dict)

    def look(self, said: ApiObject[ApiModel] | None, *, is_refused: bool) -> ApiObject[ApiModel] | None:
        """Return what is in force after a look."""
        if said is None:
            if not is_refused:
                self.in_force, self.bars = None, {}
            return self.in_force
        hostnames = _hostnames(said)
        self.bars = {barred: former for barred, former in self.bars.items() if barred == hostnames}
        self.in_force = self.bars.get(hostnames, said)
        return self.in_force


def _hostnames(item: ApiObject[ApiModel]) -> tuple[str, ...]:
    return tuple(getattr(item.content, "hostnames", ()))


@given(steps=STEPS)
def test_any_order_of_edits_and_bars(steps: list[tuple[str, str]]) -> None:
    """What is in force is what is written, but for what is barred: then it is what was in force before that."""
    store, plain, former = ObjectStore(KINDS), PlainStore(), None
    for text, deed in steps:
        fresh = ObjectStore(KINDS).update(of(text)).find(KEY)
        before = written(store.update(of(text)))
        plain.look(fresh, is_refused=text is REFUSED)
        if deed == "bar" and before is not None and fresh is not None and before.item.says == fresh.says:
            back = former.item if former is not None and former.item.says != fresh.says else None
            store.roll_back({KEY: Bar(before, former, back, WHY)})
            plain.bars = {_hostnames(fresh): back}
        elif deed == "lift":
            store.lift([KEY])
            plain.bars = {}
        state = store.update(of(text))
        expected = plain.look(fresh, is_refused=text is REFUSED)
        found = state.find(KEY)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert found.says == expected.says
            former = written(state) if KEY not in state.rolled_back else former
        is_marked = fresh is not None and _hostnames(fresh) in plain.bars
        assert (KEY in state.rolled_back) == is_marked
