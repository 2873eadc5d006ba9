"""What all hooks accepted, as the bytes of a file and back; and that nothing else is taken for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds import names
from egxds.hooks.policy.outcome import Accepted, AcceptedPart
from egxds.hooks.policy.saved_state import SavedState
from egxds.hooks.policy.state_file import begin, decode_state, go_on
from egxds.hooks.policy.state_records import ROWS_OF_A_RECORD
from egxds.object_key import ObjectKey
from egxds.resources.resource import Resource
from egxds.sealed_records import UnreadableStateError
from egxds.settings.extensions import Hook
from tests.revisions import by_type, listed
from tests.unit.hooks.edited_gateways import CONFIGURATIONS, KINDS, Edit, cluster_of, edited_by, of_size
from tests.unit.hooks.extensions import drive, failing, manager, working
from tests.unit.hooks.gateways import GATEWAY, HTTP, translation

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


def encode_state(state: SavedState) -> bytes:
    """Return the content of a new file."""
    return begin(state)[1]


def content(state: SavedState) -> tuple[object, ...]:
    """Return what a state says, to be compared; the sources of RouteConfigurations are not kept."""
    whole = state.accepted.resources
    rows = None if whole is None else {(item.type_url, item.name): kept(item) for item in listed(whole)}
    return state.gateway, rows, dict(state.accepted.parts), dict(state.failing_since)


def kept(resource: Resource) -> tuple[bytes, object]:
    """Return what is kept of a resource."""
    return resource.body, resource.sources if isinstance(resource.sources, tuple) else ()


def sealed(payload: bytes, version: int = 1) -> bytes:
    """Return a file whose checksum is right, whatever it holds."""
    return b"egxds accepted state %d %s\n" % (version, hashlib.sha256(payload).hexdigest().encode()) + payload


@given(state=states)
def test_what_is_written_is_read(state: SavedState) -> None:
    """A state survives, whatever names and bytes it has."""
    read, lost = decode_state(encode_state(state))
    assert (content(read), lost) == (content(state), 0)


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


@given(anything=st.binary())
def test_nothing_else_is_read(anything: bytes) -> None:
    """Whatever lies there ends in a message and nothing else."""
    with pytest.raises(UnreadableStateError):
        decode_state(anything)
    with pytest.raises(UnreadableStateError):
        decode_state(sealed(anything))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "KeyError: 'bodies'"),
        ([], "TypeError: "),
        ({"whole": [7]}, "IndexError: "),
        ({"resources": [["x", "n", 0, []]], "bodies": [""]}, "unknown type 'x'"),
        ({"resources": [[names.CLUSTER, "n", 0]], "bodies": [""]}, "not enough values"),
        ({"bodies": ["§"]}, "ValueError: "),
    ],
)
def test_content_that_is_not_ours_is_named(written: object, said: str) -> None:
    """A right checksum does not make a right content."""
    empty: dict[str, object] = {
        "gateway": "",
        "failingSince": {},
        "whole": None,
        "parts": [],
        "resources": [],
        "bodies": [],
    }
    whole = empty | written if isinstance(written, dict) and written else written
    with pytest.raises(UnreadableStateError, match="it is not put together as it should be") as caught:
        decode_state(sealed(json.dumps(whole).encode()))
    assert said in str(caught.value)


def test_another_version_is_named() -> None:
    """A file of a later egxds is not read by this one."""
    with pytest.raises(UnreadableStateError, match=r"^it has version 4 and not 3$"):
        decode_state(sealed(b"{}", version=4))


def test_a_body_is_written_once() -> None:
    """The same bytes, accepted as a part and published as a whole, do not make a file twice as large."""
    body = b"x" * 100_000
    resource = Resource(names.SECRET, "s", body)
    accepted = Accepted(by_type([resource]), {(names.SECRET, "s"): AcceptedPart(resource, body)})
    assert len(encode_state(SavedState(GATEWAY, accepted))) < 1.5 * len(body)


def test_what_an_older_version_wrote_is_read() -> None:
    """Version 1 named files and lines in the place of objects; an upgrade forgets those, and holds what was held."""
    resource = [names.CLUSTER, "c", 0, [["routes.yaml", 7]]]
    written = {"gateway": GATEWAY, "failingSince": {}, "whole": [0], "parts": [], "resources": [resource]}
    state, _ = decode_state(sealed(json.dumps(written | {"bodies": [""]}).encode(), version=1))
    assert state.accepted.resources is not None
    assert listed(state.accepted.resources) == (Resource(names.CLUSTER, "c", b""),)


edits = st.builds(
    Edit,
    what=st.sampled_from(KINDS),
    configuration=st.sampled_from(CONFIGURATIONS),
    number=st.integers(0, 4),
    variant=st.integers(0, 3),
)


@settings(max_examples=60)
@given(
    history=st.lists(st.tuples(st.lists(edits, min_size=1, max_size=2), st.sampled_from([0, 0, 5])), max_size=6),
    cuts=st.lists(st.integers(0), min_size=20, max_size=20),
    policy=st.sampled_from(["hold", "bypass"]),
)
def test_any_start_of_a_file_holds_a_state_that_was_kept(
    history: list[tuple[list[Edit], int]], cuts: list[int], policy: str
) -> None:
    """A crash leaves an older state or a newer one, and never a mix; and what was written last is read last."""
    managers = (manager("m", policy, ("VirtualHost", "Cluster")),)
    now = of_size(4)
    hooked = drive(now, managers, working, epoch=1)
    kept_states = [SavedState(GATEWAY, hooked.accepted, {})]
    written, file = begin(kept_states[0])
    first = len(file)
    for edits_, since in history:
        now = reduce(edited_by, edits_, now)
        extension = failing(Hook.CLUSTER, subject=cluster_of(since - 4)) if since else working
        hooked = drive(now, managers, extension, hooked.accepted, epoch=1)
        kept_states.append(SavedState(GATEWAY, hooked.accepted, {"m": float(since)}))
        written, appended = go_on(written, kept_states[-1])
        file += appended
    said = [content(state) for state in kept_states]
    assert content(decode_state(file)[0]) == said[-1]
    for cut in cuts:
        length = cut % (len(file) + 1)
        if length < first:
            with pytest.raises(UnreadableStateError):
                decode_state(file[:length])
        else:
            assert content(decode_state(file[:length])[0]) in said
            spoiled = file[:length] + bytes(len(file) - length)
            assert content(decode_state(spoiled)[0]) in said


@pytest.mark.parametrize("what", ["host", "cluster", "endpoints", "secret"])
def test_an_edit_writes_what_it_changes(what: str) -> None:
    """Not the RouteConfiguration around a virtual host, nor anything else; and nothing at all for nothing."""
    managers = (manager(policy="hold", hooks=("VirtualHost",)),)
    before = of_size(300)
    first = drive(before, managers, working, epoch=1)
    second = drive(edited_by(before, Edit(what, HTTP, 7, 2)), managers, working, first.accepted, epoch=1)
    written, file = begin(SavedState(GATEWAY, first.accepted))
    written, appended = go_on(written, SavedState(GATEWAY, second.accepted))
    assert 0 < len(appended) < 2500 < len(file) / 20
    assert go_on(written, SavedState(GATEWAY, replace(second.accepted))) == (written, b"")


def test_a_state_of_many_records_is_read_whole_or_not_at_all() -> None:
    """A large one is not written at one go."""
    accepted = drive(of_size(2 * ROWS_OF_A_RECORD), (), working).accepted
    file = encode_state(SavedState(GATEWAY, accepted))
    assert content(decode_state(file)[0]) == content(SavedState(GATEWAY, accepted))
    with pytest.raises(UnreadableStateError):
        decode_state(file[:-1])
