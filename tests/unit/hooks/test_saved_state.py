"""What all hooks accepted, as the bytes of a file and back; and that nothing else is taken for it."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds import names
from egxds.hooks.policy.outcome import Accepted, AcceptedPart
from egxds.hooks.policy.saved_state import SavedState, UnreadableStateError, decode_state, encode_state
from egxds.object_key import ObjectKey
from egxds.resources.resource import Resource
from tests.revisions import by_type, listed
from tests.unit.hooks.extensions import drive, manager, working
from tests.unit.hooks.gateways import GATEWAY, translation

STATE = SavedState(GATEWAY, drive(translation(), (manager(policy="hold"),), working).accepted, {"authz": 1.5e9})

resources = st.builds(
    Resource,
    type_url=st.sampled_from(names.PUSH_ORDER),
    name=st.text(),
    body=st.binary(),
    sources=st.lists(st.builds(ObjectKey)).map(tuple),
)
parts = st.lists(st.builds(AcceptedPart, resource=resources, source_body=st.none() | st.binary())).map(
    lambda found: {(part.resource.type_url, part.resource.name): part for part in found}
)
states = st.builds(
    SavedState,
    gateway=st.text(),
    accepted=st.builds(
        Accepted,
        resources=st.none() | st.lists(resources, unique_by=lambda each: (each.type_url, each.name)).map(by_type),
        parts=parts,
    ),
    failing_since=st.dictionaries(st.text(), st.floats(allow_nan=False)),
)


def sealed(payload: bytes, version: int = 1) -> bytes:
    """Return a file whose checksum is right, whatever it holds."""
    return b"egxds accepted state %d %s\n" % (version, hashlib.sha256(payload).hexdigest().encode()) + payload


@given(state=states)
def test_what_is_written_is_read(state: SavedState) -> None:
    """A state survives, whatever names and bytes it has."""
    read = decode_state(encode_state(state))
    assert (read.gateway, read.accepted.parts, read.failing_since) == (
        state.gateway,
        state.accepted.parts,
        state.failing_since,
    )
    assert (read.accepted.resources and listed(read.accepted.resources)) == (
        state.accepted.resources and listed(state.accepted.resources)
    )


@given(place=st.integers(0), mask=st.integers(1, 255))
def test_no_damage_goes_unnoticed(place: int, mask: int) -> None:
    """A file with one byte changed is not read."""
    damaged = bytearray(encode_state(STATE))
    damaged[place % len(damaged)] ^= mask
    with pytest.raises(UnreadableStateError):
        decode_state(bytes(damaged))


@given(length=st.integers(0))
def test_no_half_is_read(length: int) -> None:
    """A file that breaks off is not read."""
    whole = encode_state(STATE)
    with pytest.raises(UnreadableStateError):
        decode_state(whole[: length % len(whole)])


@given(content=st.binary())
def test_nothing_else_is_read(content: bytes) -> None:
    """Whatever lies there ends in a message and nothing else."""
    with pytest.raises(UnreadableStateError):
        decode_state(content)
    with pytest.raises(UnreadableStateError):
        decode_state(sealed(content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "KeyError: 'bodies'"),
        ([], "TypeError: "),
        ({"whole": [7]}, "IndexError: "),
        ({"resources": [["x", "n", 0, []]], "bodies": [""]}, "unknown type 'x'"),
        ({"resources": [[names.CLUSTER, "n", 0]], "bodies": [""]}, "not enough values"),
        ({"bodies": ["§"]}, "ValueError: "),
    ],
)
def test_content_that_is_not_ours_is_named(content: object, said: str) -> None:
    """A right checksum does not make a right content."""
    empty: dict[str, object] = {
        "gateway": "",
        "failingSince": {},
        "whole": None,
        "parts": [],
        "resources": [],
        "bodies": [],
    }
    whole = empty | content if isinstance(content, dict) and content else content
    with pytest.raises(UnreadableStateError, match="it is not put together as it should be") as caught:
        decode_state(sealed(json.dumps(whole).encode()))
    assert said in str(caught.value)


def test_another_version_is_named() -> None:
    """A file of a later egxds is not read by this one."""
    with pytest.raises(UnreadableStateError, match=r"^it has version 3 and not 2$"):
        decode_state(sealed(b"{}", version=3))


def test_a_body_is_written_once() -> None:
    """The same bytes, accepted as a part and published as a whole, do not make a file twice as large."""
    body = b"x" * 100_000
    resource = Resource(names.SECRET, "s", body)
    accepted = Accepted(by_type([resource]), {(names.SECRET, "s"): AcceptedPart(resource, body)})
    assert len(encode_state(SavedState(GATEWAY, accepted))) < 1.5 * len(body)


def test_what_an_older_version_wrote_is_read() -> None:
    """Version 1 named files and lines in the place of objects; an upgrade forgets those, and holds what was held."""
    resource = [names.CLUSTER, "c", 0, [["routes.yaml", 7]]]
    content = {"gateway": GATEWAY, "failingSince": {}, "whole": [0], "parts": [], "resources": [resource]}
    state = decode_state(sealed(json.dumps(content | {"bodies": [""]}).encode(), version=1))
    assert state.accepted.resources is not None
    assert listed(state.accepted.resources) == (Resource(names.CLUSTER, "c", b""),)
