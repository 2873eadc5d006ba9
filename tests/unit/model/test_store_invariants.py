"""What is in force depends on what the files say, and on nothing else."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from egxds.files.documents.document import FileTree
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.store.problems import store_problems
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.object_key import ObjectKey
from tests.unit.model.pace import own_pace
from tests.unit.model.texts import backend, endpoint_slice, gateway, grant, namespace, route, secret, service, tree
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


def contents(state: GatewayState) -> dict[ObjectKey, tuple[str, int]]:
    """Return what is in force, places aside."""
    return {item.key: (item.digest, item.generation) for item in state.objects()}


def verdicts(state: GatewayState) -> set[tuple[str, str]]:
    """Return what is said, places aside."""
    return {(problem.subject, problem.message) for problem in store_problems(state)}


@own_pace
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


@own_pace
@given(looks=st.lists(SPLITS, min_size=1, max_size=4))
def test_moving_around_is_no_change(looks: list[list[str]]) -> None:
    """However often objects move between files, nothing is parsed again and no generation counts on."""
    store = ObjectStore(KINDS)
    first = store.update(tree({"a": TEXTS}))
    for files in looks:
        assert contents(store.update(arrange(files, TEXTS))) == contents(first)
    assert store.documents_parsed == len(TEXTS)


@own_pace
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
    assert {key: digest for key, (digest, _) in contents(now).items()} == {
        key: digest for key, (digest, _) in contents(fresh).items()
    }
    assert store_problems(now) == store_problems(fresh)
