"""Lists of objects, and kinds that are not read."""

from __future__ import annotations

import json

import pytest

from egxds.model.store.line_map import line_map_at
from egxds.yaml_input.load import load
from tests.unit.model.parsed import errors, parse
from tests.unit.model.texts import route


def test_a_list_counts_as_the_objects_in_it() -> None:
    """The output of kubectl is unpacked; every object has its own line and its own fate."""
    text = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: a}
  spec: {ports: [{port: 80}]}
- apiVersion: v1
  kind: Service
  metadata: {name: b}
  spec: {ports: [{port: 0}]}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: c}}
- what
"""
    parsed = parse(text)
    assert [(str(found.item.key), found.line) for found in parsed.objects] == [
        ("Service default/a", 3),
        ("Namespace c", 14),
    ]
    assert [(str(refused.key), refused.line) for refused in parsed.refused] == [
        ("Service default/b", 7),
        ("None", 15),
    ]


TYPED_LISTS = {
    "kubernetes/website issue 28608: items without a type": (
        """\
{"kind": "ServiceList", "apiVersion": "v1", "items": [
{"metadata": {"name": "a"}, "spec": {}},
{"metadata": {"name": "b"}, "spec": {}}]}
""",
        ["Service default/a:1", "Service default/b:2"],
    ),
    "items with a type": (
        f"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRouteList\nitems:\n- {json.dumps(load(route('a')))}\n",
        ["HTTPRoute default/a:3"],
    ),
    "a list in a list": (
        """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: NamespaceList
  items:
  - metadata: {name: a}
  - {kind: Namespace, metadata: {name: b}}
""",
        ["Namespace a:6", "Namespace b:7"],
    ),
    "JSON after JSON": (
        """\
{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
{"apiVersion": "v1", "kind": "NamespaceList", "items": [{"metadata": {"name": "b"}}]}
""",
        ["Namespace a:0", "Namespace b:1"],
    ),
    "an empty one": ("apiVersion: v1\nkind: SecretList\nitems: []\n", []),
    "one of nothing": ("apiVersion: v1\nkind: SecretList\nitems:\n", []),
    "a List without items": ("apiVersion: v1\nkind: List\n", []),
    "of a kind that is not read": ("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n", ["Pod:3"]),
    "a kind that only sounds like one": ("apiVersion: x.test/v1\nkind: AllowList\nspec: {}\n", ["AllowList:0"]),
}
"""Text → what is in it, with the lines from its start."""


@pytest.mark.parametrize(("text", "expected"), TYPED_LISTS.values(), ids=TYPED_LISTS)
def test_lists_of_one_kind_count_as_what_is_in_them(text: str, expected: list[str]) -> None:
    """As API servers and their clients write them."""
    parsed = parse(text)
    found = [f"{each.item.key}:{each.line}" for each in parsed.objects]
    assert [*found, *(f"{each.kind}:{each.line}" for each in parsed.unknown_kinds)] == expected
    assert not parsed.refused


def test_the_parts_of_an_item_are_found_again() -> None:
    """Where an item of a list, or of a stream, refers to something is known by its path."""
    text = (
        f'{{"kind": "x"}}\n{{"apiVersion": "v1", "kind": "List", "items": [\n{json.dumps(load(route()), indent=1)}]}}'
    )
    (found,) = parse(text).objects
    assert found.path == (1, "items", 0)
    line = text.split("\n").index(next(line for line in text.split("\n") if "parentRefs" in line))
    assert found.line + line_map_at(text, found.path)["spec", "parentRefs"] == line


UNREAD = {
    "numbers as keys (kubernetes/ingress-nginx issue 10220)": "data:\n  9000: default/db:9000\n  true: x\n",
    "a key twice": "data: {a: 1, a: 2}\n",
    "a key twice, further up": "data: {}\nmetadata: {name: b}\n",
    "tags": "data: {a: !!binary aGk=, b: !Ref c, d: !Sub [e]}\n",
    "a set": "data: !!set {a, b}\n",
    "keys that are no text": "data: {[a]: b, ~: c}\n",
    "merge keys": "x: &x {a: b}\ndata: {<<: *x}\nmore: {<<: 1}\n",
    "times and numbers": "data: {a: 2026-01-01T00:00:00Z, b: 0o17, c: .inf, d: 1e999, e: 0777}\n",
    "a long text": f"data: {{a: {'x' * 1_000_000}}}\n",
    "many aliases": f"x: &x {{a: b}}\ndata: [{', '.join(['*x'] * 500)}]\n",
}


@pytest.mark.parametrize("text", UNREAD.values(), ids=UNREAD)
def test_a_kind_that_is_not_read_is_never_an_error(text: str) -> None:
    """Whatever is in it; while a kind that is read is refused for what cannot be taken."""
    parsed = parse(f"apiVersion: v1\nkind: PodTemplate\nmetadata: {{name: a}}\n{text}")
    assert [each.kind for each in parsed.unknown_kinds] == ["PodTemplate"]
    assert not parsed.refused


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\nkind: Service\n",
        "apiVersion: v1\nkind: List\nitems: []\nitems: []\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [], ports: []}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: !x []}\n",
    ],
)
def test_what_may_be_of_a_kind_that_is_read_is_refused_for_its_faults(text: str) -> None:
    """A key that stands twice may hide what was meant, the kind of the object included."""
    (refused,) = parse(text).refused
    assert refused.key is None
    assert errors(text)
