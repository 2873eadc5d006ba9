"""What disappears from the files is gone when it stayed away for a while; what is new or changed counts at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.documents.split import split_documents
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from tests.unit.model.texts import gateway, route, service
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import KINDS

DELAY_S = 1.0
ONE, OTHER = "hostnames: [one.test]", "hostnames: [other.test]"
SHOP, CART = route("shop", ONE), route("cart", ONE)
MOVED = route("shop", OTHER)


@dataclass
class Files:
    """Files that somebody edits, and the store that looks at them at a time of its own clock."""

    store: ObjectStore = field(default_factory=lambda: ObjectStore(KINDS, DELAY_S))
    files: dict[str, FileDocuments] = field(default_factory=dict)
    state: GatewayState = field(default_factory=GatewayState)

    def look(self, at_s: float, written: Mapping[str, str | None], unread: frozenset[str] = frozenset()) -> str:
        """Write files, or delete those with None, and look; return the routes in force with their hostnames."""
        before = self.files
        self.files = dict(before)
        for file, text in written.items():
            self.files.pop(file, None)
            if text is not None:
                found = split_documents(file, text, 100, before.get(file, FileDocuments()))
                assert isinstance(found, FileDocuments)
                self.files[file] = found
        self.state = self.store.update(FileTree(self.files, (), unread, frozenset(written)), at_s)
        return self.routes()

    def routes(self) -> str:
        """Return the routes in force, with the first label of their hostnames."""
        routes = self.state.of(HTTP_ROUTE).values()
        return " ".join(sorted(f"{each.key.name}={each.content.hostnames[0][:-5]}" for each in routes))


Look = tuple[float, Mapping[str, str | None], str]
"""When, what is written before it, and what is in force then."""

STORIES: dict[str, list[Look]] = {
    "a file is deleted": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": None}, "shop=one"),
        (5.9, {}, "shop=one"),
        (6, {}, ""),
    ],
    "a document is deleted": [
        (0, {"a": f"{SHOP}---\n{CART}"}, "cart=one shop=one"),
        (5, {"a": SHOP}, "cart=one shop=one"),
        (6, {}, "shop=one"),
    ],
    "a file is emptied, then written": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": ""}, "shop=one"),
        (5.5, {"a": SHOP}, "shop=one"),
        (9, {}, "shop=one"),
    ],
    "a file is emptied, then written with a change": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": ""}, "shop=one"),
        (5.5, {"a": MOVED}, "shop=other"),
        (9, {}, "shop=other"),
    ],
    "looks in between do not put it off": [
        (0, {"a": SHOP, "b": CART}, "cart=one shop=one"),
        (5, {"a": None}, "cart=one shop=one"),
        (5.5, {"b": route("cart", OTHER)}, "cart=other shop=one"),
        (5.9, {"b": CART, "a": ""}, "cart=one shop=one"),
        (6, {}, "cart=one"),
    ],
    "a slow checkout: all are deleted, and come back one by one (kubernetes/git-sync issue 15)": [
        (0, {"a": SHOP, "b": CART}, "cart=one shop=one"),
        (5, {"a": None, "b": None}, "cart=one shop=one"),
        (5.9, {"moved/a": SHOP}, "cart=one shop=one"),
        (6.8, {"moved/b": CART}, "cart=one shop=one"),
        (9, {}, "cart=one shop=one"),
    ],
    "a slow checkout that writes new files first": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": None}, "shop=one"),
        (5.9, {"0": CART}, "cart=one shop=one"),
        (6.8, {"moved/a": SHOP}, "cart=one shop=one"),
        (9, {}, "cart=one shop=one"),
    ],
    "a checkout that leaves one out": [
        (0, {"a": SHOP, "b": CART}, "cart=one shop=one"),
        (5, {"a": None, "b": None}, "cart=one shop=one"),
        (5.5, {"b": CART}, "cart=one shop=one"),
        (6, {}, "cart=one shop=one"),
        (6.5, {}, "cart=one"),
    ],
    "it comes and goes": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": None}, "shop=one"),
        (5.9, {"a": SHOP}, "shop=one"),
        (6.8, {"a": None}, "shop=one"),
        (7.7, {}, "shop=one"),
        (7.8, {}, ""),
    ],
    "an object moves, first gone, then there": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": None}, "shop=one"),
        (5.5, {"b": SHOP}, "shop=one"),
        (9, {}, "shop=one"),
    ],
    "an object moves with a change": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": None, "b": MOVED}, "shop=other"),
        (9, {}, "shop=other"),
    ],
    "a second definition does not take over while the first is written": [
        (0, {"a": SHOP, "b": MOVED}, "shop=one"),
        (5, {"a": ""}, "shop=one"),
        (5.5, {"a": SHOP}, "shop=one"),
        (9, {}, "shop=one"),
    ],
    "a second definition takes over when the first stays away": [
        (0, {"a": SHOP, "b": MOVED}, "shop=one"),
        (5, {"a": None}, "shop=one"),
        (6, {}, "shop=other"),
    ],
    "a second definition that says the same": [
        (0, {"a": SHOP, "b": SHOP}, "shop=one"),
        (5, {"a": None}, "shop=one"),
        (9, {}, "shop=one"),
        (10, {"b": MOVED}, "shop=other"),
    ],
    "an object is renamed": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": CART}, "cart=one shop=one"),
        (6, {}, "cart=one"),
    ],
    "it is not gone while something could be it": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": "x: ["}, "shop=one"),
        (9, {}, "shop=one"),
        (10, {"a": ""}, "shop=one"),
        (11, {}, ""),
    ],
    "it is broken while it is away": [
        (0, {"a": SHOP}, "shop=one"),
        (5, {"a": ""}, "shop=one"),
        (5.5, {"a": "x: ["}, "shop=one"),
        (9, {}, "shop=one"),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_when_it_is_gone(story: list[Look]) -> None:
    """Each look comes at its time, and shows what is in force then."""
    files = Files()
    assert [files.look(at_s, written) for at_s, written, _ in story] == [expected for _, _, expected in story]


def test_a_file_that_cannot_be_read_when_its_time_is_over_holds_it() -> None:
    """To be gone must be said by a file that can be read, to the end."""
    files = Files()
    files.look(0, {"a": SHOP})
    files.look(5, {"a": None})
    assert files.look(5.5, {"a": None}, frozenset("a")) == "shop=one"
    assert files.look(9, {}, frozenset("a")) == "shop=one"
    assert files.look(10, {"a": None}) == "shop=one"
    assert files.look(11, {}) == ""


def test_without_a_delay_it_is_gone_at_once() -> None:
    """`removalDelay: 0s` turns it off."""
    files = Files(ObjectStore(KINDS))
    files.look(0, {"a": SHOP})
    assert files.look(5, {"a": None}) == ""
    assert files.store.next_removal_s == math.inf


def test_what_waits_is_the_same_object() -> None:
    """Nothing changes for whoever works with it, not even its generation, and its text is not parsed again."""
    files = Files()
    files.look(0, {"a": SHOP})
    (before,) = files.state.objects()
    files.look(5, {"a": "# soon\n"})
    assert not files.state.changes
    assert str(files.state.locate(before)) == "a:1"
    assert store_problems(files.state) == ()
    files.look(5.5, {"a": f"# back\n{SHOP}"})
    (after,) = files.state.objects()
    assert after is before
    assert not files.state.changes
    assert str(files.state.locate(after)) == "a:2"
    assert files.store.documents_parsed == 1


def test_the_next_removal_is_known() -> None:
    """The first that is due, so that somebody can wait for it."""
    files = Files()
    files.look(0, {"a": SHOP, "b": CART})
    due = [files.store.next_removal_s]
    for at_s, written in ((5, {"a": None}), (5.5, {"b": None}), (6, {}), (6.2, {"b": CART})):
        files.look(at_s, written)
        due.append(files.store.next_removal_s)
    assert due == [math.inf, 6, 6, 6.5, math.inf]


def test_arrivals_do_not_put_it_off_without_end() -> None:
    """Somebody who creates an object every half a second keeps a deleted one for half a minute, and no longer."""
    files = Files()
    files.look(0, {"a": SHOP})
    files.look(5, {"a": None})
    served = [files.look(5 + 0.5 * number, {"b": route(f"r{number}", ONE)}) for number in range(1, 70)]
    assert sum("shop=one" in each for each in served) == 59


NAMES = {SHOP: "shop", CART: "cart", service(): "app", gateway(): "web"}
LOOKS = st.lists(
    st.dictionaries(st.sampled_from("xyz"), st.lists(st.sampled_from(sorted(NAMES)), max_size=4)), max_size=12
)


@given(looks=LOOKS)
def test_in_force_is_what_stood_somewhere_a_moment_ago(looks: list[dict[str, list[str]]]) -> None:
    """Whatever is split, merged, moved, deleted and written again."""
    files, missed_since, arrived_s = Files(), dict[str, float](), -math.inf
    for number, written in enumerate(looks):
        now_s = 0.4 * number
        files.look(now_s, dict.fromkeys(files.files) | {file: "---\n".join(texts) for file, texts in written.items()})
        standing = {NAMES[text] for texts in written.values() for text in texts}
        stood = {name for name, since_s in missed_since.items() if since_s == now_s}
        arrived_s = now_s if standing - stood else arrived_s
        expected = standing | {
            name for name, since_s in missed_since.items() if now_s < max(since_s, arrived_s) + DELAY_S
        }
        assert {item.key.name for item in files.state.objects()} == expected
        # What stands now can be missed from the next look on.
        missed_since = {name: 0.4 * (number + 1) if name in standing else missed_since[name] for name in expected}
