"""The check of the wire format and protobuf's own parser: what one refuses the other refuses, what they take is equal.

What is tried are valid messages with something done to them: bytes that are random are refused at the first, and
show nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.wire_format import wire_form
from tests.unit.grpc.both_runtimes import Pair, better_values, every_type, pairs, protobuf_values

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))

REFUSED = "refused"


def varint(value: int, padding: int = 0) -> bytes:
    """Encode a number, with some bytes more than it needs."""
    encoded = bytearray()
    while value > 0x7F or padding > 0:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
        padding -= value == 0
    return bytes([*encoded, value])


def tag(number: int, wire_type: int) -> bytes:
    """Encode a tag."""
    return varint(number << 3 | wire_type)


def delimited(number: int, value: bytes) -> bytes:
    """Encode a field of bytes."""
    return tag(number, 2) + varint(len(value)) + value


def group(number: int, body: bytes) -> bytes:
    """Encode a group."""
    return tag(number, 3) + body + tag(number, 4)


def ours(pair: Pair, data: bytes) -> Any:
    """Return what is read after the check, or that it is refused."""
    try:
        form = wire_form(pair.better, data)
    except MalformedMessageError:
        return REFUSED
    return better_values(pair.better.parse(form.data))


def theirs(pair: Pair, data: bytes) -> Any:
    """Return what protobuf's own parser reads, or that it refuses."""
    try:
        return protobuf_values(pair.protobuf.FromString(data))
    except DecodeError:
        return REFUSED


def nested(depth: int, wrap: Callable[[bytes], bytes], inmost: bytes = b"") -> bytes:
    """Wrap bytes as often as that."""
    for _ in range(depth):
        inmost = wrap(inmost)
    return inmost


def inner(body: bytes) -> bytes:
    """Encode a message in a message."""
    return delimited(15, body)


def unknown(body: bytes) -> bytes:
    """Encode a group that nobody knows."""
    return group(99, body)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xff\xff", id="a tag without end"),
        pytest.param(b"\x0a\x05ab", id="cut off in a value"),
        pytest.param(delimited(15, b"\x6a\x02a") + b"b", id="beyond the message that it is in"),
        pytest.param(tag(13, 2) + varint(2**31), id="a length that no message can have"),
        pytest.param(tag(2, 0) + b"\xff" * 10 + b"\x01", id="a number of eleven bytes"),
        pytest.param(tag(8, 5) + b"abc", id="four bytes, of which three came"),
        pytest.param(tag(0, 0) + b"\x00", id="field number 0"),
        pytest.param(tag(99, 6), id="a wire type that does not exist"),
        pytest.param(tag(99, 4), id="the end of a group that has not begun"),
        pytest.param(tag(99, 3) + tag(98, 4), id="the end of another group"),
        pytest.param(tag(99, 3), id="a group without end"),
        pytest.param(delimited(12, b"\xff"), id="a string that is not UTF-8"),
        pytest.param(delimited(19, b"abc"), id="packed elements, of which the last is cut off"),
        pytest.param(delimited(17, b"\x80"), id="packed numbers, of which the last is cut off"),
        pytest.param(delimited(17, b"\x80") + b"\x00", id="a packed number that goes on behind its field"),
        pytest.param(nested(101, inner), id="messages nested too deep"),
        pytest.param(nested(101, unknown), id="groups nested too deep"),
        pytest.param(nested(50, inner, nested(51, unknown)), id="groups in messages nested too deep"),
    ],
)
def test_what_is_malformed_is_refused(data: bytes) -> None:
    """By both."""
    assert (ours(every_type(), data), theirs(every_type(), data)) == (REFUSED, REFUSED)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(delimited(99, b"new") + tag(98, 0) + b"\x01", id="fields of a newer version"),
        pytest.param(group(99, delimited(12, b"not ours")), id="a group with a number of ours in it"),
        pytest.param(tag(12, 0) + b"\x01" + delimited(2, b"\x05"), id="fields of ours with other wire types"),
        pytest.param(
            delimited(15, delimited(12, b"a")) + delimited(15, tag(2, 0) + b"\x01"), id="a message in two parts"
        ),
        pytest.param(delimited(12, b"first") + delimited(12, b"last"), id="a string that is there twice"),
        pytest.param(tag(14, 0) + varint(2**32 + 1), id="an enum's value of more than 32 bits"),
        pytest.param(tag(1, 0) + varint(2**64), id="a truth of more than 64 bits"),
        pytest.param(delimited(21, varint(2**64) + b"\x01"), id="truths, packed"),
        pytest.param(tag(14, 0) + varint(2**64 - 1), id="an enum's value below 0"),
        pytest.param(delimited(22, b"\x01" + varint(2**32 + 1)), id="such values, packed"),
        pytest.param(tag(17, 0) + b"\x01" + delimited(17, b"\x02\x03"), id="numbers, packed and not"),
        pytest.param(tag(2, 0) + varint(7, 9), id="a number of ten bytes"),
        pytest.param(delimited(24, group(99, b"")) + delimited(24, b""), id="messages of which one is written anew"),
        pytest.param(nested(100, inner), id="messages nested as deep as may be"),
        pytest.param(nested(100, unknown), id="groups nested as deep as may be"),
        pytest.param(nested(50, inner, nested(50, unknown)), id="groups in messages nested as deep as may be"),
    ],
)
def test_what_is_odd_is_read_as_protobuf_reads_it(data: bytes) -> None:
    """Though betterproto2 by itself would read some of it otherwise."""
    assert ours(every_type(), data) == theirs(every_type(), data) != REFUSED


def test_what_is_not_odd_is_left_as_it_is() -> None:
    """Nothing is copied as a rule."""
    data = delimited(12, b"text") + delimited(15, tag(2, 0) + b"\x01") + delimited(99, b"unknown")
    assert wire_form(every_type().better, data).data is data


def test_fields_of_another_wire_type_are_told() -> None:
    """Wherever they are, for whoever does not want to pass over them as protobuf does."""
    data = tag(12, 0) + b"\x01" + inner(tag(13, 5) + b"four") + delimited(99, b"unknown")
    assert wire_form(every_type().better, data).misfits == {12, 13}


numbers = st.one_of(
    st.integers(0, 30),
    st.sampled_from(
        (127, 128, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 1, 2**64, 2**70 - 1, 2**70)
    ),
    st.integers(0, 2**71),
)
varints = st.builds(varint, numbers, st.sampled_from((0, 0, 0, 1, 5, 9)))
field_numbers = st.one_of(st.integers(1, 30), st.sampled_from((0, 2**29 - 1, 2**29, 2**31)))
texts = st.one_of(st.text(max_size=5).map(str.encode), st.binary(max_size=6), st.just(b"\xed\xa0\x80"))


def fields_around(body: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return messages of fields of any sort, some of which hold such messages."""
    field = st.one_of(
        st.builds(lambda number, value: tag(number, 0) + value, field_numbers, varints),
        st.builds(lambda number, value: tag(number, 1) + value, field_numbers, st.binary(min_size=8, max_size=8)),
        st.builds(lambda number, value: tag(number, 5) + value, field_numbers, st.binary(min_size=4, max_size=4)),
        st.builds(delimited, field_numbers, texts),
        st.builds(delimited, field_numbers, body),
        st.builds(delimited, field_numbers, st.lists(varints, max_size=4).map(b"".join)),
        st.builds(group, field_numbers, body),
    )
    return st.lists(field, max_size=5).map(b"".join)


messages = st.recursive(st.just(b""), fields_around, max_leaves=6)


def mutated(data: bytes, at: float, change: Callable[[bytes, int], bytes] | None) -> bytes:
    """Change something at a place between the beginning, 0, and the end, 1."""
    return change(data, int(at * len(data))) if change else data


def changes() -> st.SearchStrategy[Callable[[bytes, int], bytes] | None]:
    """Return ways to spoil a message: a byte changed, put in or taken out, the rest cut off or doubled."""
    byte = st.binary(min_size=1, max_size=2)
    return st.one_of(
        st.none(),
        st.just(lambda data, at: data[:at]),
        st.just(lambda data, at: data[:at] + data[at + 1 :]),
        st.just(lambda data, at: data + data[at:]),
        byte.map(lambda put: lambda data, at: data[:at] + put + data[at:]),
        byte.map(lambda put: lambda data, at: data[:at] + put + data[at + 1 :]),
        st.integers(0, 7).map(
            lambda bit: lambda data, at: data[:at] + bytes(one ^ 1 << bit for one in data[at : at + 1]) + data[at + 1 :]
        ),
    )


any_bytes = st.builds(mutated, messages, st.floats(0, 1), changes())
fuzz = settings(max_examples=EXAMPLES)


@fuzz
@given(data=any_bytes)
def test_a_message_with_fields_of_every_type(data: bytes) -> None:
    """Numbers of all types, packed and not, strings, messages in messages, and what is not known."""
    assert ours(every_type(), data) == theirs(every_type(), data)


@fuzz
@given(data=any_bytes)
def test_the_messages_that_we_speak(data: bytes) -> None:
    """Requests and replies of hooks, of the health check and of client status discovery."""
    for pair in pairs():
        assert ours(pair, data) == theirs(pair, data), pair.better
