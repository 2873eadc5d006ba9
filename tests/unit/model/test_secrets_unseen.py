"""Nothing that a file says of a Secret, or that may be one, comes back in a message: it names the place."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from egxds.model.api.core import SECRET, SecretBody
from tests.unit.model.texts import gateway, of, route
from tests.unit.model.told import problems, statuses, store_problems
from tests.unit.model.worlds import World

CANARY = "c4n4ry"
HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: cert}\n"
HTTPS = "- {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}"

REFUSED = [
    ("alias without an anchor", HEAD + f"stringData: {{a: *{CANARY}}}\n"),
    ("alias inside what it repeats", HEAD + f"stringData: &{CANARY} {{a: *{CANARY}}}\n"),
    ("tag of a scalar", HEAD + f"stringData: {{a: !{CANARY} x}}\n"),
    ("tag of a mapping", HEAD + f"stringData: !{CANARY} {{a: b}}\n"),
    ("tag of a list", HEAD + f"stringData: [!{CANARY} [a]]\n"),
    ("tag that has no handle", HEAD + f"stringData: !a!{CANARY} {{a: b}}\n"),
    ("tag's value", HEAD + f"stringData: {{a: !!int {CANARY}}}\n"),
    ("key twice", HEAD + f"stringData: {{{CANARY}: x, {CANARY}: y}}\n"),
    ("key twice at the top", HEAD + f"{CANARY}: x\n{CANARY}: y\n"),
    ("key that is a mapping", HEAD + f"stringData: {{? {{{CANARY}: x}} : y}}\n"),
    ("data that is no base64", HEAD + f"data: {{{CANARY}: '{CANARY}!'}}\n"),
    ("data that is no text", HEAD + f"data: {{{CANARY}: 1}}\n"),
    ("plain data that is no text", HEAD + f"stringData: {{{CANARY}: [x]}}\n"),
    ("data that is no mapping", HEAD + f"data: {CANARY}\n"),
    ("plain data that is no mapping", HEAD + f"stringData: [{CANARY}]\n"),
    ("a mapping for a value", HEAD + f"stringData: {{a: {{{CANARY}: {CANARY}}}}}\n"),
    ("unknown field", HEAD + f"{CANARY}: x\nstrnigData: {{{CANARY}: {CANARY}}}\n"),
    ("field beside metadata's", HEAD.replace("cert}", f"cert, {CANARY}: x}}")),
    ("label", HEAD.replace("cert}", f"cert, labels: {{{CANARY}: [x]}}}}")),
    ("annotation", HEAD.replace("cert}", f"cert, annotations: {{{CANARY}: {{a: {CANARY}}}}}}}")),
    ("time", HEAD.replace("cert}", f"cert, creationTimestamp: {CANARY}}}")),
    ("type", HEAD + f"type: [{CANARY}]\n"),
    ("version", HEAD.replace("v1", CANARY)),
    ("group", HEAD.replace("v1", f"{CANARY}.test/v1")),
    ("kind twice", HEAD + f"kind: {CANARY}\n"),
    ("misspelt kind with a key twice", HEAD.replace("Secret", "Secert") + f"data: {{{CANARY}: x, {CANARY}: y}}\n"),
    ("escaped kind", HEAD.replace("Secret", '"\\x53ecret"') + f"data: {{a: *{CANARY}}}\n"),
    ("quote that does not end", HEAD + f"stringData: {{a: '{CANARY}\n"),
    ("indentation", HEAD + f"stringData:\n  a: b\n {CANARY}: x\n"),
    ("tab", HEAD + f"stringData:\n\t{CANARY}: x\n"),
    ("block scalar", HEAD + f"stringData:\n  a: |\n   {CANARY}\n  {CANARY}\n"),
    ("control character", HEAD + f"stringData: {{a: {CANARY}\x01}}\n"),
    ("broken JSON", f'{{"apiVersion": "v1", "kind": "Secret", "data": {{"{CANARY}": "{CANARY}" x}}'),
    ("JSON with a key twice", f'{{"kind": "Secret", "apiVersion": "v1", "{CANARY}": 1, "{CANARY}": 2}}'),
    ("values in a row, the second broken", f'{{"kind": "Secret"}}\n{{"{CANARY}" {CANARY}}}'),
    ("item of a list", f"apiVersion: v1\nkind: List\nitems: [{{kind: Secret, apiVersion: v1, {CANARY}: x}}]\n"),
    ("item of a list, a key twice", f"apiVersion: v1\nkind: List\nitems: [{{{CANARY}: x, {CANARY}: y}}]\n"),
    (
        "item of a list of Secrets",
        f"apiVersion: v1\nkind: SecretList\nitems: [{{metadata: {{name: cert}}, data: {{{CANARY}: 1}}}}]\n",
    ),
    ("PEM label", HEAD + f"type: kubernetes.io/tls\nstringData: {{tls.crt: '-----BEGIN {CANARY}-----', tls.key: x}}\n"),
    ("password file", f"root:${CANARY}$:19000:0:99999:7:::\ndaemon:*:{CANARY}:0\n"),
    ("private key", f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"),
    ("password file with what looks like an alias", f"root: *{CANARY}\n"),
    ("ini file", f"[default]\nkey = {CANARY}\nkey: *{CANARY}\n"),
    ("piece of a block scalar", f"{CANARY}: &{CANARY} a\n{CANARY}: b\n"),
]


def told(world: World, *texts: str) -> str:
    """Return all that anybody is told of files."""
    resolution = world.scan(*texts)
    state = world.store.update(of(*texts))
    said = [*store_problems(state), *problems(resolution)]
    return "\n".join(
        [*map(repr, said), *map(str, said), json.dumps({str(k): v for k, v in statuses(resolution).items()})]
    )


@pytest.mark.parametrize("text", [text for _, text in REFUSED], ids=[name for name, _ in REFUSED])
def test_a_secret_is_not_quoted(text: str) -> None:
    """However it is wrong, the message says where and why, and not what stands there."""
    said = told(World(), text, gateway(listeners=HTTPS))
    assert CANARY not in said
    assert "a.yaml:" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (route("a", "rules: [{name: *nowhere}]"), "the alias *nowhere has no anchor"),
        (route("a", "rules: [{name: !odd x}]"), "the tag !odd is not supported"),
        (route("a", "rules: []\nrules: []"), "the key 'rules' stands here"),
        (route("a", "ruels: []"), "spec.ruels: is not a field known here"),
    ],
    ids=["alias", "tag", "key twice", "unknown field"],
)
def test_what_is_clearly_no_secret_is_quoted(text: str, said: str) -> None:
    """It is found sooner."""
    assert said in told(World(), text)


def test_a_field_of_a_secret_that_is_misspelt_is_still_named_by_its_line() -> None:
    """What may have been meant is said, as that is a name of ours."""
    said = told(World(), HEAD + "strnigData: {a: b}\n")
    assert "a.yaml:4: warning: Secret default/cert: …: is not a field known here; did you mean stringData?" in said


def test_an_exception_does_not_quote_either() -> None:
    """Should one get into a log: pydantic's own text has what was read in it."""
    with pytest.raises(ValidationError) as failed:
        SecretBody.model_validate({"data": {"a": [CANARY]}})
    assert CANARY not in str(failed.value)


def test_an_accepted_secret_does_not_print_what_it_says() -> None:
    """Its annotations may hold all of it, as kubectl writes it there."""
    text = HEAD.replace("cert}", f"cert, annotations: {{last: {CANARY}}}}}") + f"stringData: {{a: {CANARY}}}\n"
    assert CANARY not in repr(list(World().store.update(of(text)).of(SECRET).values()))


_PIECES = st.sampled_from(
    [
        *(
            CANARY,
            f"*{CANARY}",
            f"&{CANARY} ",
            f"!{CANARY} ",
            f"# {CANARY}\n",
            f"{CANARY}: ",
            "!!int ",
            "<<: ",
            "a: b\n",
        ),
        *("\n", "  ", "\t", "'", '"', "{", "}", "[", "]", ": ", "- ", "|\n", ">\n", "\\", "\x00", "---\n", "? ", ", "),
    ]
)


@given(pieces=st.lists(_PIECES, max_size=6), data=st.data())
def test_whatever_stands_anywhere_in_a_secret(pieces: list[str], data: st.DataObject) -> None:
    """Its name and its namespace say which it is, and its kind that it is one; all else stays unsaid."""
    whole = HEAD + "type: Opaque\nstringData:\n  user: admin\n  note: |\n    a\n    b\n"
    places = [found.end() for found in re.finditer(r": |\n|(?<=\n) +", whole[len(HEAD) - 1 :])]
    at = len(HEAD) - 1 + data.draw(st.sampled_from(places) | st.integers(0, len(whole) - len(HEAD)))
    world = World()
    world.scan(whole)
    assert CANARY not in told(world, whole[:at] + "".join(pieces) + whole[at:])


@given(pieces=st.lists(_PIECES, min_size=1, max_size=8))
def test_whatever_stands_in_a_file_that_is_not_ours(pieces: list[str]) -> None:
    """Such as one that a link leads to."""
    assert CANARY not in told(World(), "".join(pieces) + "\n")
