"""Lists of Envoys, in parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.fleet.envoys import (
    LARGEST_PART_BYTES,
    EnvoyPartError,
    EnvoyRow,
    Stand,
    counts_of,
    decoded_part,
    encoded_parts,
    part_of,
)

REFUSAL = "listener default/web/http (gateway.yaml:1): cannot bind '0.0.0.0:80': Permission denied"
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
STANDING = st.one_of(
    st.builds(EnvoyRow, TEXTS, TEXTS, st.sampled_from([Stand.IN_SYNC, Stand.PENDING]), is_canary=st.booleans()),
    st.builds(
        EnvoyRow,
        TEXTS,
        TEXTS,
        st.just(Stand.REFUSING),
        st.integers(1, 9),
        st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
        st.booleans(),
    ),
)
ROWS = st.lists(STANDING, unique_by=lambda row: row.id, max_size=40)


@given(ROWS)
def test_they_are_read_as_they_were_written(rows: Sequence[EnvoyRow]) -> None:
    """Each in the part that is named after it, and in whatever order they come."""
    parts = encoded_parts(rows)
    read = [row for content in parts.values() for row in decoded_part(content)]
    assert sorted(read, key=lambda row: row.id) == sorted(rows, key=lambda row: row.id)
    assert parts == encoded_parts(reversed(rows))
    assert all(row in decoded_part(parts[part_of(row.id)]) for row in rows)


def test_a_thousand_are_a_fraction_of_what_etcd_takes() -> None:
    """Also where all of them refuse the same."""
    in_sync = [EnvoyRow(f"edge-{number}.example.com", "default/web", Stand.IN_SYNC) for number in range(1000)]
    refusing = [EnvoyRow(row.id, row.gateways, Stand.REFUSING, 3, (REFUSAL,) * 3) for row in in_sync]
    assert sum(map(len, encoded_parts(in_sync).values())) < 50_000
    assert sum(map(len, encoded_parts(refusing).values())) < 70_000


def test_canaries_are_named_beside_the_list() -> None:
    """Where there are none, nothing is: replicas of before read either."""
    row = EnvoyRow("edge-1", "default/web", Stand.IN_SYNC)
    (plain,) = encoded_parts([row]).values()
    (content,) = encoded_parts([replace(row, is_canary=True)]).values()
    assert {**json.loads(plain), "canary": ["edge-1"]} == json.loads(content)
    assert decoded_part(content) == (replace(row, is_canary=True),)


def test_news_of_one_rewrite_one_part() -> None:
    """All other parts have the same bytes."""
    before = [EnvoyRow(f"edge-{number}", "default/web", Stand.IN_SYNC) for number in range(1000)]
    after = [EnvoyRow("edge-7", "default/web", Stand.PENDING), *(row for row in before if row.id != "edge-7")]
    one, other = encoded_parts(before), encoded_parts(after)
    assert [name for name in one if one[name] != other[name]] == [part_of("edge-7")]


def test_what_a_stranger_says_is_cut_and_shown() -> None:
    """An id may be as long as a message, and move cursors."""
    rows = [EnvoyRow("\x1b[2J" + "x" * 10_000, "g" * 5000, Stand.REFUSING, 9, ("\u202e" + "y" * 9999,) * 9)]
    (content,) = encoded_parts(rows).values()
    assert len(content) < 3000
    (row,) = decoded_part(content)
    assert row.id.isprintable()
    assert row.refusals[0].isprintable()
    assert (row.refused, len(row.refusals)) == (9, 3)


@pytest.mark.parametrize(
    "part",
    [
        {},
        [],
        {"gateways": [], "refusals": [], "envoys": [["a", 0, "s"]]},
        {"gateways": ["g"], "refusals": [], "envoys": [["a", -1, "s"]]},
        {"gateways": ["g"], "refusals": [], "envoys": [["a", 0, "x"]]},
        {"gateways": ["g"], "refusals": [], "envoys": [["a", 0, "r", -1, []]]},
        {"gateways": ["g"], "refusals": [], "envoys": [["a", 0, "r", 1, [0]]]},
        {"gateways": ["g"], "refusals": [], "envoys": [[1, 0, "s"]]},
        {"gateways": ["g"], "refusals": [], "envoys": [["a"]]},
        {"gateways": ["g"], "refusals": [], "envoys": [["a", 0, "s"]], "canary": 1},
    ],
)
def test_what_is_no_list_is_refused(part: object) -> None:
    """As a whole."""
    with pytest.raises(EnvoyPartError):
        decoded_part(json.dumps(part).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(content: bytes) -> None:
    """And never anything worse."""
    with pytest.raises(EnvoyPartError):
        decoded_part(content)
    with pytest.raises(EnvoyPartError, match="at most"):
        decoded_part(content + b" " * LARGEST_PART_BYTES + b" ")


def test_they_are_counted_by_how_they_stand() -> None:
    """Each once."""
    rows = [EnvoyRow(str(at), "", stand) for at, stand in enumerate([*Stand, Stand.IN_SYNC])]
    counts = counts_of(rows)
    assert (counts.in_sync, counts.pending, counts.refusing, counts.total) == (2, 1, 1, 4)
