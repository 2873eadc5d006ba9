"""What is in force, as files change."""

from __future__ import annotations

import dataclasses
import json

import pytest

from egxds.files.documents.document import FileTree
from egxds.model.api.backends import SERVICE
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.problems import Location, error
from egxds.yaml_input.load import load
from tests.unit.model.texts import gateway, of, route, service, tree
from tests.unit.model.told import refusals, store_problems
from tests.unit.model.worlds import KINDS

BROKEN = "kind: [\n"
REFUSED = route("shop", "hostnames: ['*']")


def the(state: GatewayState, name: str) -> ApiObject[ApiModel]:
    """Return the object of a name."""
    return next(item for item in state.objects() if item.key.name == name)


def where(state: GatewayState, name: str) -> Location:
    """Return where the object of a name stands."""
    return state.locate(the(state, name))


def names(state: GatewayState) -> list[str]:
    """Return the names of what is in force."""
    return sorted(item.key.name for item in state.objects())


def said(state: GatewayState) -> list[str]:
    """Return the problems as people see them."""
    return [str(problem) for problem in store_problems(state)]


def test_what_did_not_change_is_not_parsed_again() -> None:
    """Each document is parsed once, also in one file with a document that changes."""
    store = ObjectStore(KINDS)
    store.update(of(route("a"), route("b"), service()))
    assert store.documents_parsed == 3
    store.update(of(route("a"), route("b"), service()))
    assert store.documents_parsed == 3
    store.update(of(route("a"), route("b", "hostnames: [b.test]"), service()))
    assert store.documents_parsed == 4


def test_what_moves_is_not_parsed_again() -> None:
    """A document that stands lower in its file, or in another file, is the same text."""
    store = ObjectStore(KINDS)
    store.update(of(route("a"), route("b")))
    store.update(tree({"b.yaml": ("# new\n", route("b")), "c.yaml": (route("a"),)}))
    assert store.documents_parsed == 3


def test_equal_documents_are_parsed_once() -> None:
    """Two equal documents are one parse, and a warning: there is nothing to decide between them."""
    store = ObjectStore(KINDS)
    state = store.update(of(route("a"), route("a")))
    assert store.documents_parsed == 1
    assert said(state) == [
        (
            "a.yaml:7: warning: HTTPRoute default/a: is also defined at a.yaml:1, which says the same; "
            "delete one of the two"
        )
    ]


def test_what_did_not_change_is_the_same_object() -> None:
    """Objects, and the mapping of a kind in which nothing changed, are the very ones of before."""
    store = ObjectStore(KINDS)
    before = store.update(of(route("a"), service(), route("b")))
    after = store.update(of(route("a"), service(), route("b", "hostnames: [b.test]")))
    assert after.of(SERVICE) is before.of(SERVICE)
    assert after.extensions is before.extensions
    assert after.of(HTTP_ROUTE) is not before.of(HTTP_ROUTE)
    assert the(after, "a") is the(before, "a")
    assert the(after, "b") is not the(before, "b")


def test_a_comment_changes_no_object() -> None:
    """An object is the same as long as it says the same and starts at the same place."""
    store = ObjectStore(KINDS)
    before = store.update(of(route("a", "rules:\n- {}")))
    after = store.update(of(route("a", "# new\nrules:\n- {}")))
    assert store.documents_parsed == 2
    assert the(after, "a") is the(before, "a")
    assert after.locate(the(after, "a"), ("spec", "rules", 0)).line == 8


def test_moving_an_object_changes_nothing_but_its_place() -> None:
    """Split, renamed or pushed down, an object keeps its generation and has its new place."""
    store = ObjectStore(KINDS)
    store.update(of(route("a"), route("b")))
    store.update(of(route("a"), route("b", "hostnames: [b.test]")))
    moved = store.update(tree({"x.yaml": (route("b", "hostnames: [b.test]"),), "y.yaml": ("# text\n", route("a"))}))
    assert (where(moved, "b"), the(moved, "b").generation) == (Location("x.yaml", 1), 2)
    assert (where(moved, "a"), the(moved, "a").generation) == (Location("y.yaml", 3), 1)
    assert not store_problems(moved)


def test_the_generation_counts_changes_of_content() -> None:
    """Labels, layout and what the API would fill in anyway change no generation."""
    store = ObjectStore(KINDS)
    texts = [
        (route("a"), 1),
        (route("a", labels={"a": "b"}), 1),
        (route("a", "rules: [{matches: [{path: {type: PathPrefix, value: /}}]}]"), 1),
        (route("a", "hostnames: [a.test]"), 2),
        (route("a"), 3),
    ]
    assert [the(store.update(of(text)), "a").generation for text, _ in texts] == [count for _, count in texts]


def test_the_generation_of_a_file_counts() -> None:
    """Files that were taken from an API server have one; whoever compares status with it finds it there."""
    store = ObjectStore(KINDS)
    texts = [
        (route("a", generation=7), 7),
        (route("a", generation=8), 8),
        (route("a", "hostnames: [a.test]", generation=8), 8),
        (route("a", "hostnames: [b.test]"), 9),
        (route("a", "hostnames: [b.test]", generation="many"), 9),
        (route("a", "hostnames: [b.test]", generation=2), 2),
    ]
    found = [store.update(of(text)) for text, _ in texts]
    assert [the(state, "a").generation for state in found] == [count for _, count in texts]
    assert not any(map(said, found))


def test_an_object_that_comes_back_starts_anew() -> None:
    """What was deleted and is written again is a new object."""
    store = ObjectStore(KINDS)
    store.update(of(route("a")))
    store.update(of(route("a", "hostnames: [a.test]")))
    assert names(store.update(of(service()))) == ["app"]
    assert the(store.update(of(route("a"))), "a").generation == 1


def test_definitions_that_change_places_count_as_they_stand() -> None:
    """Of several in one file the first counts, as after a restart; that no text is new makes no difference."""
    store, one, other = ObjectStore(KINDS), route("a", "hostnames: [one.test]"), route("a", "hostnames: [other.test]")
    store.update(of(one, other))
    swapped = store.update(of(other, one))
    assert the(swapped, "a").says == the(ObjectStore(KINDS).update(of(other, one)), "a").says


def test_a_bad_object_blocks_no_other() -> None:
    """Documents beside one that is refused are accepted, in its file and in others."""
    state = ObjectStore(KINDS).update(
        tree({"a.yaml": (route("a"), REFUSED, BROKEN, route("b")), "b.yaml": (service(),)})
    )
    assert names(state) == ["a", "app", "b"]
    assert [str(entry.key) for entry in refusals(state)] == ["HTTPRoute default/shop", "None"]
    assert "stays in force" not in str(said(state))


def test_a_refused_object_keeps_its_last_accepted_version() -> None:
    """Breaking an object changes nothing but the problem; fixing it goes on where it was."""
    store = ObjectStore(KINDS)
    before = store.update(of(route("shop", "hostnames: [a.test]"), service()))
    broken = store.update(of(REFUSED, service()))
    assert the(broken, "shop") is the(before, "shop")
    assert broken.of(HTTP_ROUTE) is before.of(HTTP_ROUTE)
    (problem,) = said(broken)
    assert problem.startswith("a.yaml:6: error: HTTPRoute default/shop: spec.hostnames[0]: must not be '*' alone")
    assert problem.endswith("; the version accepted before stays in force")
    fixed = store.update(of(route("shop", "hostnames: [b.test]"), service()))
    assert the(fixed, "shop").generation == 2
    assert not store_problems(fixed)


def test_a_refused_object_that_is_deleted_is_gone() -> None:
    """What stays in force stays only as long as a file still names it."""
    store = ObjectStore(KINDS)
    store.update(of(route("shop"), service()))
    store.update(of(REFUSED, service()))
    assert names(store.update(of(service()))) == ["app"]


def test_a_refused_object_may_move_at_the_same_time() -> None:
    """The last accepted version stays in force wherever the refused one stands now."""
    store = ObjectStore(KINDS)
    store.update(of(route("shop")))
    assert names(store.update(tree({"b.yaml": (REFUSED,)}))) == ["shop"]


def test_an_unsupported_version_counts_as_refused() -> None:
    """A version that is not served leaves the version before in force."""
    store = ObjectStore(KINDS)
    store.update(of(route("shop")))
    state = store.update(of(route("shop").replace("/v1", "/v2")))
    assert names(state) == ["shop"]
    assert "the version accepted before stays in force" in said(state)[0]


def test_a_document_that_does_not_parse_holds_its_file() -> None:
    """It could be any object: all that its file held, and that stands nowhere else now, stays in force."""
    store = ObjectStore(KINDS)
    store.update(tree({"a.yaml": (route("a"), route("b"), route("c")), "b.yaml": (service(),)}))
    broken = store.update(tree({"a.yaml": (BROKEN, route("b", "hostnames: [b.test]")), "b.yaml": (route("c"),)}))
    assert names(broken) == ["a", "b", "c"]
    assert the(broken, "b").generation == 2
    assert where(broken, "c") == Location("b.yaml", 1)
    assert "what was accepted from this file before stays in force" in said(broken)[0]
    assert names(store.update(tree({"a.yaml": (route("b"),)}))) == ["b"]


def test_a_file_that_cannot_be_read_holds_what_it_held() -> None:
    """Neither a lost permission nor a second look at it deletes an object; the file's own deletion does."""
    store = ObjectStore(KINDS)
    before = store.update(tree({"a.yaml": (route("a"), route("b")), "b.yaml": (service(),)}))
    problem = error(Location("a.yaml", 0), "cannot be read")
    for _ in range(2):
        state = store.update(tree({"b.yaml": (service(), route("b"))}, frozenset({"a.yaml"}), (problem,)))
        assert names(state) == ["a", "app", "b"]
        assert the(state, "a") is the(before, "a")
        assert where(state, "b") == Location("b.yaml", 7)
        assert said(state) == ["a.yaml: error: cannot be read"]
    assert names(store.update(tree({"b.yaml": (service(),)}))) == ["app"]


def test_of_two_new_definitions_the_first_place_counts() -> None:
    """Where none is in force, the first by file and line wins, and the other one is an error that names both places."""
    state = ObjectStore(KINDS).update(
        tree({"b.yaml": (route("shop"),), "a.yaml": (service(), route("shop", "hostnames: [a.test]"))})
    )
    assert [item.content.hostnames for item in state.of(HTTP_ROUTE).values()] == [("a.test",)]
    (problem,) = said(state)
    assert problem.startswith(
        "b.yaml:1: error: HTTPRoute default/shop: is also defined at a.yaml:7, and that one counts"
    )


COPIES = {
    "a-backup.yaml": "this file is named as a copy is",
    "0-copy.yaml": "this file is named as a copy is",
    "backup.yaml": "this file is named as a copy is",
    "a/mybackups/x.yaml": "this file is named as a copy is",
    "b_OLD2.yaml": "this file is named as a copy is",
    "Copy of x.yaml": "this file is named as a copy is",
    "a (1).yaml": "this file is named as a copy is",
    "old/x.yaml": "this file is named as a copy is",
    "a/x.old.yaml": "this file is named as a copy is",
    "2025/x.yaml": "it stands in fewer directories",
    "a/b.yaml": "it stands in fewer directories",
    "0-routes.yaml": "its file has the shorter name",
    "routes2.yaml": "its file has the shorter name",
    "z.yaml": "its file comes first by name",
}
"""File beside `x.yaml` → why `x.yaml` counts."""


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_does_not_displace_the_original(copy: str) -> None:
    """Whatever the order of names; when either of them is edited, when it was there first, and after a restart."""
    old, new = route("shop", "hostnames: [old.test]"), route("shop", "hostnames: [new.test]")
    histories: tuple[list[dict[str, str]], ...] = (
        [{"x.yaml": old}, {"x.yaml": old, copy: old}],
        [{copy: old}],
        [{"x.yaml": old, copy: new}],
        [],
    )
    for looks in histories:
        store = ObjectStore(KINDS)
        for files in looks:
            store.update(tree({file: (text,) for file, text in files.items()}))
        state = store.update(tree({"x.yaml": (new,), copy: (old,)}))
        assert [item.content.hostnames for item in state.of(HTTP_ROUTE).values()] == [("new.test",)]
        (problem,) = said(state)
        assert problem.startswith(f"{copy}:1: error: HTTPRoute default/shop: is also defined at x.yaml:1, and that one")
        assert problem.endswith(f"counts, since {COPIES[copy]}; delete one of the two")


def test_in_one_file_the_first_counts() -> None:
    """Also where both stand on one line, as in JSON."""
    items = ", ".join(json.dumps(load(route("shop", f"hostnames: [{host}.test]"))) for host in "ab")
    state = ObjectStore(KINDS).update(of(f'{{"apiVersion": "v1", "kind": "List", "items": [{items}]}}'))
    assert [item.content.hostnames for item in state.of(HTTP_ROUTE).values()] == [("a.test",)]
    (problem,) = said(state)
    assert problem.endswith(
        "defined at a.yaml:1, and that one counts, since it stands further up; delete one of the two"
    )


def test_a_copy_takes_over_when_the_original_is_gone() -> None:
    """Moving a file is no conflict once it has moved."""
    store = ObjectStore(KINDS)
    store.update(tree({"x.yaml": (route("shop"),), "x-2.yaml": (route("shop", "hostnames: [a.test]"),)}))
    state = store.update(tree({"x-2.yaml": (route("shop", "hostnames: [a.test]"),)}))
    assert where(state, "shop") == Location("x-2.yaml", 1)
    assert said(state) == []


def test_an_object_that_moves_out_of_a_broken_file_has_moved() -> None:
    """What is written anew elsewhere counts; so does what says the same."""
    for hostname in ("a.test", "b.test"):
        store, broken = ObjectStore(KINDS), ("x: [\n",)
        store.update(tree({"x.yaml": (route("shop", "hostnames: [a.test]"), *broken)}))
        state = store.update(tree({"x.yaml": broken, "y-2.yaml": (route("shop", f"hostnames: [{hostname}]"),)}))
        assert where(state, "shop") == Location("y-2.yaml", 1)
        assert [item.content.hostnames for item in state.of(HTTP_ROUTE).values()] == [(hostname,)]


@pytest.mark.parametrize("mistake", [REFUSED, "x: [\n", None], ids=["refused", "not YAML", "unreadable"])
def test_a_mistake_in_the_original_does_not_bring_the_copy_into_force(mistake: str | None) -> None:
    """What was accepted last stays, as if the copy were not there."""
    copy = tree({"x-old.yaml": (route("shop", "hostnames: [b.test]"),)}).files
    broken = tree({"x.yaml": (mistake,)}).files if mistake is not None else {}
    store = ObjectStore(KINDS)
    before = store.update(FileTree({**copy, **tree({"x.yaml": (route("shop"),)}).files}))
    after = store.update(FileTree({**copy, **broken}, unread=frozenset() if mistake else frozenset({"x.yaml"})))
    assert the(after, "shop") is the(before, "shop")
    mended = store.update(FileTree({**copy, **tree({"x.yaml": (route("shop", "hostnames: [c.test]"),)}).files}))
    assert the(mended, "shop").generation == 2
    assert where(mended, "shop") == Location("x.yaml", 1)


def test_a_copy_of_what_was_never_accepted_does_not_count() -> None:
    """Nor does it before anything was in force: what counts is the original, mistakes and all."""
    state = ObjectStore(KINDS).update(tree({"x.yaml": (REFUSED,), "x-old.yaml": (route("shop"),)}))
    assert names(state) == []
    assert said(state)[0].startswith("x-old.yaml:1: error: HTTPRoute default/shop: is also defined at x.yaml:1")


def test_an_unknown_kind_is_reported_once() -> None:
    """One warning for each kind, at its first place, with the number of the others."""
    pod = "apiVersion: v1\nkind: Pod\n"
    state = ObjectStore(KINDS).update(tree({"b.yaml": (pod,), "a.yaml": (service(), pod, pod)}))
    assert said(state) == ["a.yaml:7: warning: kind Pod of v1 is not read: passed over, and 2 more"]


def test_what_is_repeated_of_an_input_moves_no_cursor() -> None:
    """Words of whoever wrote it are shown with escapes."""
    state = ObjectStore(KINDS).update(of('apiVersion: v1\nkind: "\\e[31mPod\\u202e\\n"\n'))
    assert said(state) == [r"a.yaml:1: warning: kind \x1b[31mPod\u202e\n of v1 is not read: passed over"]


def test_memory_is_that_of_the_files() -> None:
    """What is remembered of a document goes with the document."""
    store = ObjectStore(KINDS)
    store.update(of(*(route(f"r{number}") for number in range(50))))
    store.update(of(route("r1")))
    held = [getattr(store, name) for name in vars(store)]
    assert max(len(value) for value in held if isinstance(value, dict)) < 20


def test_the_state_cannot_be_changed() -> None:
    """States are handed around, so nobody may write into one."""
    state = ObjectStore(KINDS).update(of(gateway()))
    assert dataclasses.is_dataclass(state)
    assert not hasattr(state.of(GATEWAY), "__setitem__")


def test_who_has_missed_some_states_is_told_of_the_difference_to_the_last_one_seen() -> None:
    """What came and went in between is none, and nothing is none; nor does it take a look at everything."""
    store = ObjectStore(KINDS)
    seen = store.update(of(*(route(f"r{number}") for number in range(9))))
    several = [route(f"r{number}") for number in range(1, 9)]
    store.update(of(*several, route("brief"), service()))
    now = store.update(of(route("r1", "hostnames: [a.test]"), *several[1:], service()))
    changes = now.changes_since(seen)
    named = [sorted(key.name for key in keys) for keys in (changes.added, changes.changed, changes.removed)]
    assert named == [["app"], ["r1"], ["r0"]]
    assert len(now.changes_since(now)) == 0
    assert now.changes_since(GatewayState()).added == {item.key for item in now.objects()}
