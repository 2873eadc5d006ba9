"""Guarded YAML loading that keeps lines."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from egxds.errors import YamlRefused
from egxds.yaml_input.builder import LocatedMapping, LocatedSequence, YamlLimits
from egxds.yaml_input.load import line_at, load, read

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart,
           namespace: shop}
spec:
  hostnames:
  - cart.example.com
  -
    www.example.com
  rules:
  - matches:
    - path: {value: /}
    backendRefs:
    - name: cart
      port: 8080
"""

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 8)
)


def refusal(text: str, limits: YamlLimits | None = None) -> YamlRefused:
    """Load what must be refused."""
    with pytest.raises(YamlRefused) as caught:
        load(text, 1, limits or YamlLimits())
    return caught.value


def mapping(text: str, first_line: int = 1) -> LocatedMapping:
    """Load what must be a mapping."""
    value = load(text, first_line)
    assert isinstance(value, LocatedMapping)
    return value


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("kind",), 2),
        (("metadata",), 3),
        (("metadata", "namespace"), 4),
        (("spec", "hostnames"), 6),
        (("spec", "hostnames", 0), 7),
        (("spec", "hostnames", 1), 9),
        (("spec", "rules", 0), 11),
        (("spec", "rules", 0, "matches", 0, "path", "value"), 12),
        (("spec", "rules", 0, "backendRefs", 0, "port"), 15),
    ],
)
def test_line_of_each_part(path: tuple[str | int, ...], line: int) -> None:
    """Keys and items know the line they stand on."""
    assert line_at(load(ROUTE), path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("spec", "nothing"), 5),
        (("spec", "rules", 7, "matches"), 10),
        (("spec", "rules", -1), 10),
        (("spec", "a-tag-of-a-union", "rules", 0, "[key]"), 11),
        ((0, "spec"), 5),
        (("kind", "deeper"), 2),
    ],
)
def test_line_of_the_deepest_part_there_is(path: tuple[str | int, ...], line: int) -> None:
    """Parts of a path that lead nowhere are passed over."""
    assert line_at(load(ROUTE), path) == line


def test_line_of_a_bare_scalar_is_not_known() -> None:
    """A document that is just a scalar has no line to point at."""
    assert line_at(load("x"), ("a",)) == 0


def test_lines_count_from_the_first_line() -> None:
    """A document further down in a file reports the lines of the file."""
    value = mapping("a: 1\nb:\n- x\n- y\n", first_line=40)
    assert value.line == 40
    assert value.lines == {"a": 40, "b": 41}
    items = value["b"]
    assert isinstance(items, LocatedSequence)
    assert items.lines == [42, 43]


def test_lines_of_json() -> None:
    """Each value of a stream knows its line, and each part of it, as in YAML."""
    stream = load('{"a": 1}\n\n{"b":\n  [1,\n"x"]\n}{"c": 2}\n', 10)
    assert isinstance(stream, LocatedSequence)
    assert stream.lines == [10, 12, 15]
    assert [line_at(stream, path) for path in ((1, "b"), (1, "b", 1), (2, "c"))] == [12, 14, 15]


def test_lines_of_merged_keys() -> None:
    """A key that is merged stands where it is merged, what is below it where it is written."""
    value = mapping("a: &x\n  b: {c: 1}\nd:\n  <<: *x\n  e: 1\n")
    assert [line_at(value, path) for path in (("d", "b"), ("d", "b", "c"), ("d", "e"))] == [4, 2, 5]
    assert mapping("'<<': 1\n<<: {a: 1}\na: 2\n").lines == {"<<": 1, "a": 3}


@pytest.mark.parametrize(
    "text",
    ["a: 1\na: 2", "a: !Ref x\nb: !!binary aGk=\nc: !T {d: 1}\ne: !S [1]", "[x]: 1", "~: 1", "<<: 1", "a: !!int x"],
)
def test_faults_do_not_keep_the_rest_from_being_read(text: str) -> None:
    """Whoever is not concerned by what they are in reads on."""
    loaded = read(f"{text}\nz: 1\n")
    assert loaded.faults
    assert isinstance(loaded.value, LocatedMapping)
    assert loaded.value["z"] == 1


def test_refusal_counts_from_the_first_line() -> None:
    """An error further down in a file names the line of the file."""
    with pytest.raises(YamlRefused) as caught:
        load("a: 1\na: 2\n", 100)
    assert caught.value.line == 101
    assert "line 100" in caught.value.message


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "---\n...\n", "~", "\ufeff"])
def test_text_without_content_is_none(text: str) -> None:
    """An empty document is None, not an error."""
    assert load(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("yes: on", {"yes": "on"}),
        ("a: 'true'", {"a": "true"}),
        ('a: "12"', {"a": "12"}),
        ("a: 2024-01-01", {"a": "2024-01-01"}),
        ('"80": x', {"80": "x"}),
        ('"<<": x', {"<<": "x"}),
        ("a: <<", {"a": "<<"}),
        ("a: !!str 12\nb: !!map {}\nc: !!seq []\nd: ! 12", {"a": "12", "b": {}, "c": [], "d": "12"}),
        ("a: |\n  12\n", {"a": "12\n"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x k\n*x : 1", {"a": "k", "k": 1}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ('{\n\t"a": [1,\n\t\t2]\n}', {"a": [1, 2]}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        pytest.param("9000: x\nyes: y", {"9000": "x", "yes": "y"}, id="kubernetes/ingress-nginx issue 10220"),
        ("true: x\nFalse: y\n1.10: z\n0x10: h", {"true": "x", "false": "y", "1.10": "z", "0x10": "h"}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        pytest.param(
            "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {b: 0, <<: [*x, *y]}\nf: {<<: *y, <<: *x, g: 1}",
            {"a": {"b": 1}, "c": {"b": 2, "d": 3}, "e": {"b": 0, "d": 3}, "f": {"b": 2, "d": 3, "g": 1}},
            id="kubernetes/kubectl issue 1043",
        ),
        ("<<: {a: 1}\n'<<': x\n? !!merge y\n: {b: 1}", {"a": 1, "<<": "x", "b": 1}),
        (r'{"a": "\ud83d\ude00 \/ \u00e4", "b": "\ud83d"}', {"a": "😀 / ä", "b": "\ufffd"}),
        ('a: {"b": "\\ud83d\\uDE00"}', {"a": {"b": "😀"}}),
        (
            '{"a": "\u2028\x7f", "b": 1e3, "c": -0, "d": 123456789012345678901}',
            {"a": "\u2028\x7f", "b": 1000.0, "c": 0} | {"d": 123456789012345678901},
        ),
        ('{"%s": 1}' % ("k" * 2000), {"k" * 2000: 1}),
        ('{"a": 1}\n{"a": 2} {"a": [3]}\n', [{"a": 1}, {"a": 2}, {"a": [3]}]),
        ("{a: 1, 'b': 2}", {"a": 1, "b": 2}),
        ('{"a": NaN, "b": "<<"}', {"a": "NaN", "b": "<<"}),
    ],
)
def test_what_is_taken(text: str, value: object) -> None:
    """Plain YAML 1.2 and JSON come out as plain values."""
    assert load(text) == value


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, "the key stands here and on line 1"),
        ("80: x\n'80': y", 2, "the key stands here and on line 1"),
        ("~: x", 1, "put it in quotes"),
        ("[a]: x", 1, "a key must be a string"),
        ("? {a: b}\n: x", 1, "a key must be a string"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n  b: 3", 5, "the key stands here and on line 4"),
        ("a: 1\n<<: 1", 2, "takes a mapping, or a list of mappings"),
        ("<<: [{a: 1}, [b]]", 1, "takes a mapping, or a list of mappings"),
        ('{"a": 1}\n{"a": 2}\n{"a" 3}', 3, "not valid JSON: Expecting ':' delimiter"),
        ('{"a": 1,\n "a": 2}', 2, "the key stands here and on line 1"),
        ("a: !secret x", 1, "the tag is not supported"),
        ("a: !!binary aGk=", 1, "not supported"),
        ("a: !!set {x}", 1, "not supported"),
        ("a: !thing [x]", 1, "the tag is not supported"),
        ("a: !!int x", 1, "!!int"),
        ("a: " + "9" * 5000, 1, "digits"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("a: *x", 1, "has no anchor"),
        ("a: &x [*x]", 1, "stands inside"),
        ("%TAG ! tag:x,2000:\n---\na: 1", 1, "%TAG"),
        ("a:\n\tb: 1", 2, "not tabs"),
        ("a: 'x\nb: 2\n", 1, "unexpected end of stream"),
        ("a:\n  - b\n c", 3, "starts on line 1"),
        ("[", 1, "not valid YAML"),
        ("a: [1,\nb: 2", 1, "not valid YAML"),
        ("a: b: c", 1, "not valid YAML"),
        ("{{- if .Values.on }}\na: 1\n{{- end }}", 1, "{{ is a template's"),
        ("a: 1\nb: \0", 2, "the character is not allowed"),
        ("a: \x1b[31m", 1, "the character is not allowed"),
        ("a: \ud800", 1, "the character is not allowed"),
    ],
)
def test_what_is_refused(text: str, line: int, said: str) -> None:
    """What is not taken is refused with its line and words that say what it is."""
    found = refusal(text)
    assert found.line == line
    assert said in found.message


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000])
def test_deep_nesting_is_refused(text: str) -> None:
    """Nesting that would overflow a recursive loader is refused at the limit."""
    assert "deeper than 64" in refusal(text).message


def test_depth_is_counted_through_aliases() -> None:
    """Aliases do not nest a value deeper than the text itself may."""
    text = "a0: &a0 [x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 10))
    assert load(text)
    assert "deeper" in refusal(text, YamlLimits(depth=5)).message


def test_depth_at_the_limit_is_taken() -> None:
    """The limit itself is allowed."""
    assert load("[" * 64 + "]" * 64)
    assert "deeper" in refusal("[" * 65 + "]" * 65).message


def test_alias_bomb_is_refused() -> None:
    """A few lines that aliases make huge are refused by what they would grow to."""
    assert len(BOMB) < 500
    assert "aliases repeat more than" in refusal(BOMB).message


@pytest.mark.parametrize(
    ("text", "limits", "said"),
    [
        ("a: &x 1\nb: [*x, *x, *x]", YamlLimits(aliases=2), "more than 2 aliases"),
        ("a: &x {b: 1, c: 2}\nd: *x", YamlLimits(aliased_nodes=4), "more than 4 values"),
        ("[a, b, c]", YamlLimits(nodes=3), "more than 3 values"),
        ("a: &x [b, c]\nd: *x", YamlLimits(nodes=8), "more than 8 values"),
        ("ä: 1", YamlLimits(bytes=4), "5 bytes"),
    ],
)
def test_each_limit_is_kept(text: str, limits: YamlLimits, said: str) -> None:
    """One more than a limit is refused, and the limit is named."""
    assert said in refusal(text, limits).message


def test_long_line_is_loaded_or_refused_by_size() -> None:
    """A line of 10 MB is data like any other, within the limit on bytes."""
    text = "a: " + "x" * 10_000_000
    assert load(text) == {"a": "x" * 10_000_000}
    assert "bytes" in refusal(text, YamlLimits(bytes=1_000_000)).message


def test_messages_do_not_repeat_long_keys() -> None:
    """What is pasted by mistake is not echoed at length."""
    key = "k" * 500
    for text in (f"{key}: 1\n{key}: 2", f"a: *{key}", f"a: !{key} x", f"a: !{key} [x]"):
        assert len(refusal(text).message) < 150


def test_repeated_value_is_the_same_object() -> None:
    """An alias costs no copy."""
    value = mapping("a: &x {b: 1}\nc: *x")
    assert value["a"] is value["c"]


def test_lines_of_a_repeated_value_are_those_of_its_anchor() -> None:
    """An alias stands on its own line, what it repeats on the anchor's."""
    value = load("a: &x\n  b: 1\nc: *x")
    assert line_at(value, ("c",)) == 3
    assert line_at(value, ("c", "b")) == 2


OTHER_IN_YAML_1_2 = re.compile(r"0o[0-7]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
TEXTS = st.text(st.characters(codec="utf-8")).filter(lambda text: not OTHER_IN_YAML_1_2.fullmatch(text))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))
JSON_TEXTS = st.text(st.characters(codec="utf-8"))
JSON_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | JSON_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXTS, inner, max_size=4),
)


@given(DATA)
def test_what_yaml_writes_is_read_back(data: object) -> None:
    """Data survives being written by another YAML library, but for scalars in which YAML 1.1 and 1.2 differ."""
    assert load(yaml.safe_dump(data)) == data


@given(st.lists(JSON_DATA), st.booleans())
def test_json_is_read_as_json(data: list[object], ascii_only: bool) -> None:
    """Data survives being written as JSON, whatever characters are in it, as they are or as escapes."""
    assert load(json.dumps(data, indent="\t", ensure_ascii=ascii_only)) == data
    objects = [{"a": value} for value in data]
    text = "\n".join(json.dumps(each, ensure_ascii=ascii_only) for each in objects)
    assert load(text) == (objects if len(objects) > 1 else next(iter(objects), None))


@given(st.text(alphabet="ab:-?[]{},&*!|>'\"%@#\n\t ~<1", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but the refusal, and that names a line of the text."""
    value: object = None
    line = 1
    try:
        value = load(text)
    except YamlRefused as refused:
        line = refused.line
    assert 1 <= line <= text.count("\n") + 1
    assert isinstance(value, LocatedMapping | LocatedSequence | str | int | float | None)
