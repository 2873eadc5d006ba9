"""What Envoy uses of a response that it refuses, and does not report when it comes back: rules 56, 57 and 73."""

import pytest

from egxds.sessions import used_unacked
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.used_unacked import UsedUnackedByNode
from tests.transcripts.driver import Transcript

KNOWN = """
    SET CDS[g0]
    → CDS
    ← CDS res[g0]
    ack
"""


def streams(count: int) -> list[Transcript]:
    """Start streams of one server."""
    known = UsedUnackedByNode()
    return [Transcript(session=DeltaSession(used_unacked=known)) for _ in range(count)]


@pytest.mark.rule(56, 57, 73)
@pytest.mark.parametrize("short", ["CDS", "LDS"])
def test_what_was_used_without_being_recorded_is_removed_on_the_next_stream(short: str) -> None:
    """The stream broke before it was sent again, and it is gone meanwhile: the client says nothing of it."""
    first, second, third = streams(3)
    first.play(f"""
        SET {short}[g0]
        → {short}
        ← {short} res[g0]
        ack
        SET {short}[g0,g1,bad]
        ← {short} res[bad,g1]
        → {short} nonce=2 err{{Error adding/updating cluster(s) bad: no}}
        ← {short} res[g1]
    """)
    second.play(f"SET {short}[g0]\n→ {short} irv{{g0:h1}}\n← {short} rem[bad,g1]\nack")
    third.play(f"SET {short}[g0]\n→ {short} irv{{g0:h1}}\n← {short} res[]")


@pytest.mark.rule(57, 73)
@pytest.mark.parametrize("short", ["CDS", "LDS"])
def test_what_was_used_without_being_recorded_is_taken_back(short: str) -> None:
    """The client reports the version before it, which is wanted again, and means something else by it."""
    first, second, third = streams(3)
    first.play(f"""
        SET {short}[g0]
        → {short}
        ← {short} res[g0]
        ack
        SET {short}[bad,g0@h2]
        ← {short} res[bad,g0@h2]
        → {short} nonce=2 err{{Error adding/updating cluster(s) bad: no}}
        ← {short} res[g0@h2]
    """)
    second.play(f"SET {short}[g0]\n→ {short} irv{{g0:h1}}\n← {short} res[g0] rem[bad]\nack")
    third.play(f"SET {short}[g0]\n→ {short} irv{{g0:h1}}\n← {short} res[]")


@pytest.mark.rule(57, 73)
def test_a_late_ack_of_an_older_version_leaves_the_doubt() -> None:
    """What was sent after it may be in use, though its refusal never arrived."""
    first, second = streams(2)
    first.play("""
        SET CDS[g0]
        → CDS
        ← CDS res[g0]
        SET CDS[g0@h2]
        ← CDS res[g0@h2]
        → CDS nonce=1
    """)
    second.play("SET CDS[g0]\n→ CDS irv{g0:h1}\n← CDS res[g0]")


@pytest.mark.rule(57, 73)
def test_refusal_that_never_arrived_counts_too() -> None:
    """Envoy holds it back while clusters warm: what was not taken may be in use."""
    first, second = streams(2)
    first.play(KNOWN + "SET CDS[g0,g1]\n← CDS res[g1]")
    second.play("SET CDS[g0]\n→ CDS irv{g0:h1}\n← CDS rem[g1]")


@pytest.mark.rule(57, 73)
def test_removal_is_repeated_until_it_is_taken() -> None:
    """The stream on which it was sent may break too."""
    first, second, third = streams(3)
    first.play(KNOWN + "SET CDS[g0,g1]\n← CDS res[g1]")
    for again in (second, third):
        again.play("SET CDS[g0]\n→ CDS irv{g0:h1}\n← CDS rem[g1]")


@pytest.mark.rule(73)
def test_what_is_taken_is_recorded() -> None:
    """The client reports it from then on, so nothing has to be remembered for it."""
    first, second = streams(2)
    first.play(
        KNOWN
        + "SET CDS[bad,g0,g1]\n← CDS res[bad,g1]\nnack Error adding/updating cluster(s) bad: no\n← CDS res[g1]\nack"
    )
    second.play("SET CDS[g0]\n→ CDS irv{g0:h1,g1:h1}\n← CDS rem[bad,g1]\nack")


def test_nodes_have_their_own() -> None:
    """Nothing is remembered of one node for another."""
    first, second = streams(2)
    first.play(KNOWN + "SET CDS[g0,g1]\n← CDS res[g1]")
    second.play("SET CDS[g0]\n→ CDS irv{g0:h1} node{other}\n← CDS res[]")


def test_client_that_asks_by_name_is_not_told_of_others() -> None:
    """It wants what it names."""
    first, second = streams(2)
    first.play(KNOWN + "SET CDS[g0,g1]\n← CDS res[g1]")
    second.play("SET CDS[g0]\n→ CDS sub[g0] irv{g0:h1}\n∅")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nodes and of names the oldest make room."""
    monkeypatch.setattr(used_unacked, "NODES_LIMIT", 2)
    monkeypatch.setattr(used_unacked, "NAMES_LIMIT", 2)
    known = UsedUnackedByNode()
    remembered = {node: known.of(node, "type") for node in ("a", "b")}
    known.of("a", "type").sent((), removed=("1", "2", "3"))
    known.of("c", "type")
    assert list(known.of("a", "type").doubts({"2": "v", "3": "v"})) == ["2", "3"]
    assert known.of("a", "type") is remembered["a"]
    assert known.of("b", "type") is not remembered["b"]
    assert list(known.of("a", "type").doubts({"1": "v"})) == []
