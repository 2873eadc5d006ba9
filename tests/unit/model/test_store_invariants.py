"""What is in force depends on what the files say, and on nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.documents.split import split_documents
from egxds.incremental.changes import changes_between
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.object_key import ObjectKey
from tests.unit.model.texts import backend, endpoint_slice, gateway, grant, namespace, route, secret, service, tree
from tests.unit.model.told import store_problems
from tests.unit.model.whole_tree_store import WholeTreeStore
from tests.unit.model.worlds import KINDS

TEXTS = (
    gateway(),
    gateway("other", namespace="shop"),
    route("a"),
    route("b", "hostnames: [b.test]\nrules: [{backendRefs: [{name: app, port: 80}]}]"),
    route("broken", "hostnames: ['*']"),
    service(),
    endpoint_slice(),
    backend("[{unix: {path: /a}}]"),
    secret(),
    grant("shop", "[{group: '', kind: a, namespace: b}]", "[{group: '', kind: Secret}]"),
    namespace("shop"),
    "apiVersion: v1\nkind: Pod\n",
)
SPLITS = st.lists(st.sampled_from("abcd"), min_size=len(TEXTS), max_size=len(TEXTS))


def arrange(files: list[str], order: tuple[str, ...]) -> FileTree:
    """Put each text into its file, the texts of a file in an order."""
    split: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for text in order:
        file = files[TEXTS.index(text)]
        split[file] = (*split[file], text)
    return tree(split)


def contents(state: GatewayState) -> dict[ObjectKey, tuple[object, int]]:
    """Return what is in force, places aside."""
    return {item.key: (item.says, item.generation) for item in state.objects()}


def verdicts(state: GatewayState) -> set[tuple[str, str]]:
    """Return what is said, places aside."""
    return {(problem.subject, problem.message) for problem in store_problems(state)}


@given(files=SPLITS, order=st.permutations(TEXTS), chance=st.randoms())
def test_neither_order_nor_split_matters(files: list[str], order: list[str], chance: Random) -> None:
    """Whatever files hold the objects, and in whatever order, the same is in force and the same is said."""
    looked = arrange(files, tuple(order))
    shuffled = list(looked.files.items())
    chance.shuffle(shuffled)
    plain = ObjectStore(KINDS).update(tree({"a": TEXTS}))
    split = ObjectStore(KINDS).update(FileTree(dict(shuffled)))
    assert contents(split) == contents(plain)
    assert set(split.of(HTTP_ROUTE)) == set(plain.of(HTTP_ROUTE))
    assert verdicts(split) == verdicts(plain)


@given(looks=st.lists(SPLITS, min_size=1, max_size=4))
def test_moving_around_is_no_change(looks: list[list[str]]) -> None:
    """However often objects move between files, nothing is parsed again and no generation counts on."""
    store = ObjectStore(KINDS)
    first = store.update(tree({"a": TEXTS}))
    for files in looks:
        assert contents(store.update(arrange(files, TEXTS))) == contents(first)
    assert store.documents_parsed == len(TEXTS)


@given(
    looks=st.lists(
        st.lists(st.sampled_from([*TEXTS, route("a", "hostnames: ['*']"), "x: [\n"]), max_size=8), max_size=5
    )
)
def test_history_matters_only_to_what_cannot_be_told(looks: list[list[str]]) -> None:
    """After any history, a look at good files leaves in force exactly what they say."""
    store = ObjectStore(KINDS)
    for texts in looks:
        store.update(tree({"a": tuple(texts)}))
    good = tuple(text for text in TEXTS if "broken" not in text)
    now, fresh = store.update(tree({"a": good})), ObjectStore(KINDS).update(tree({"a": good}))
    assert {key: says for key, (says, _) in contents(now).items()} == {
        key: digest for key, (digest, _) in contents(fresh).items()
    }
    assert store_problems(now) == store_problems(fresh)


EDITED = (
    *(route(name, spec) for name in "ab" for spec in ("", "hostnames: [a.test]", "hostnames: ['*']")),
    service(),
    "x: [\n",
    "# nothing\n",
)
LOOKS = st.lists(
    st.dictionaries(st.sampled_from("xyz"), st.none() | st.lists(st.sampled_from(EDITED), max_size=5)), max_size=6
)
"""Files at each look: their documents, or None for one that cannot be read."""

DUPLICATES = st.sampled_from([route(name, f"hostnames: [{host}.test]") for name in "ab" for host in "xyz"])


@dataclass
class Looking:
    """Looks at files as the reader does: a file that did not change is the same one, and so is a document."""

    files: dict[str, FileDocuments] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    def look(self, written: Mapping[str, list[str] | None]) -> FileTree:
        """Return the tree of some files, which names those that were touched."""
        before, unread_before = self.files, self.unread
        self.files = {
            file: self._split(file, "---\n".join(texts)) for file, texts in written.items() if texts is not None
        }
        self.unread = frozenset(file for file, texts in written.items() if texts is None)
        touched = {file for file in before.keys() | self.files.keys() if self.files.get(file) is not before.get(file)}
        return FileTree(self.files, (), self.unread, frozenset(touched | (self.unread ^ unread_before)))

    def _split(self, file: str, text: str) -> FileDocuments:
        before = self.files.get(file, FileDocuments())
        found = split_documents(file, text, 100, before)
        assert isinstance(found, FileDocuments)
        return before if found == before else found


@given(looks=LOOKS)
def test_an_edit_comes_to_what_a_look_at_everything_comes_to(
    looks: list[dict[str, list[str] | None]],
) -> None:
    """After any history, and it changes nothing whether the files that were touched are known."""
    looking, store, unaware, whole = Looking(), ObjectStore(KINDS), ObjectStore(KINDS), WholeTreeStore()
    for written in looks:
        tree = looking.look(written)
        state = store.update(tree)
        assert contents(state) == whole.update(tree)
        assert {key: state.locate(item).file for key, item in _items(state).items()} == {
            key: file for key, (_, file) in whole.in_force.items()
        }
        other = unaware.update(replace(tree, touched=None))
        assert contents(other) == contents(state)
        assert store_problems(other) == store_problems(state)


@given(looks=st.lists(st.dictionaries(st.sampled_from(("x", "a-x", "x/old")), st.lists(DUPLICATES)), min_size=1))
def test_which_definition_counts_depends_on_the_files_alone(looks: list[dict[str, list[str]]]) -> None:
    """After any history the same ones count as after a restart, and the same is said."""
    looking, store = Looking(), ObjectStore(KINDS)
    for written in looks:
        tree = looking.look(written)
        now, fresh = store.update(tree), ObjectStore(KINDS).update(replace(tree, touched=None))
        assert {key: says for key, (says, _) in contents(now).items()} == {
            key: says for key, (says, _) in contents(fresh).items()
        }
        assert store_problems(now) == store_problems(fresh)


@given(looks=LOOKS)
def test_changes_are_what_differs(looks: list[dict[str, list[str] | None]]) -> None:
    """Nothing is others than before that the changes do not name."""
    looking, store, before = Looking(), ObjectStore(KINDS), dict[ObjectKey, ApiObject[ApiModel]]()
    for written in looks:
        state = store.update(looking.look(written))
        now = _items(state)
        assert state.changes == changes_between(before, now)
        before = now


def _items(state: GatewayState) -> dict[ObjectKey, ApiObject[ApiModel]]:
    return {item.key: item for item in state.objects()}
