"""What other delta servers were seen to get wrong, each mistake replayed."""

import pytest

from egxds.sessions.events import Node
from tests.transcripts.driver import Transcript, play

MISTAKES = {
    "a known name is not sent where it is subscribed again": """
        SET RDS[A]
        → RDS sub[A]
        ← RDS res[A]
        ack
        → RDS sub[A]
        ← RDS res[A]
    """,
    "nor under a wildcard": """
        SET CDS[A,B]
        → CDS sub[*]
        ← CDS res[A,B]
        ack
        → CDS sub[A]
        ← CDS res[A]
        ack
        → CDS sub[*]
        ← CDS res[A,B]
    """,
    "nor in the request that exchanges the wildcard for it": """
        SET CDS[A,B]
        → CDS
        ← CDS res[A,B]
        ack
        → CDS sub[B] unsub[*]
        ← CDS res[B]
    """,
    "a missing name is never reported": """
        SET EDS[A]
        → EDS sub[A,Z]
        ← EDS res[A] rem[Z]
    """,
    "children are not sent again behind a changed parent": """
        SET CDS[X(EDS:X)] EDS[X]
        → CDS
        → EDS sub[X]
        ← CDS res[X]
        ack
        ← EDS res[X]
        ack
        SET CDS[X@2(EDS:X)]
        ← CDS res[X@2]
        ← EDS res[X]
    """,
    "removals go out with the first response of a sequence": """
        SET CDS[X] RDS[r]
        → CDS
        → RDS sub[r]
        ← CDS res[X]
        ack
        ← RDS res[r]
        ack
        SET CDS[Y] RDS[r@2]
        ← CDS res[Y]
        ← RDS res[r@2]
        ack
        ← CDS rem[X]
    """,
    "the order of types is left to chance": """
        SET RDS[r] LDS[l] EDS[e] CDS[c]
        → RDS sub[r]
        → LDS
        → EDS sub[e]
        → CDS
        ← CDS res[c]
        ← EDS res[e]
        ← LDS res[l]
        ← RDS res[r]
    """,
    "a wildcard that waited for the first snapshot gets no empty answer": """
        → LDS
        ∅
        SET CDS[A]
        ← LDS res[] n1
    """,
    "a stale nonce hides a first request": """
        SET LDS[]
        → LDS nonce=77
        ← LDS res[]
    """,
    "a legacy wildcard cannot be dropped": """
        SET CDS[A]
        → CDS
        ← CDS res[A]
        ack
        → CDS unsub[*]
        ∅
        SET CDS[A@2]
        ∅
    """,
    "a request that says nothing is answered with nothing": """
        SET CDS[A]
        → CDS
        ← CDS res[A]
        ack
        → CDS
        ∅
    """,
    "an empty first request dumps every route": """
        SET RDS[A,B]
        → RDS
        ← RDS res[]
    """,
    "companions of a refused resource count as delivered": """
        SET RDS[A,B]
        → RDS sub[A,B]
        ← RDS res[A,B]
        nack malformed
        ← RDS res[A]
        ← RDS res[B]
    """,
    "a stream can be taken over by another node": """
        SET CDS[A]
        → CDS node{one}
        ← CDS res[A]
        → CDS node{two}
        ! node 'two'
        ∅
    """,
    "a stream without a node stays silent": "→ CDS node{none} ✗ 3",
    "a type that is not in the table cannot be served": """
        SET acme.Thing[x]
        → acme.Thing sub[x,y]
        ← acme.Thing res[x] rem[y]
    """,
    "a name held through the wildcard is sent where it is dropped": """
        SET CDS[A]
        → CDS sub[*]
        ← CDS res[A]
        ack
        → CDS unsub[A]
        ∅
    """,
    "a name that was dropped and taken again is not sent": """
        SET EDS[A]
        → EDS sub[A]
        ← EDS res[A]
        ack
        → EDS unsub[A]
        ∅
        → EDS sub[A]
        ← EDS res[A]
    """,
    "names on a stale request or a refusal are lost": """
        SET RDS[A,B,C]
        → RDS sub[A]
        ← RDS res[A] n1
        → RDS nonce=1 err{bad} sub[B]
        ← RDS res[B]
        → RDS nonce=999 sub[C]
        ← RDS res[C]
    """,
    "the wildcard is lost where a name is added": """
        SET CDS[A,B]
        → CDS
        ← CDS res[A,B]
        ack
        → CDS sub[A]
        ← CDS res[A]
        ack
        SET CDS[A,B@2,C]
        ← CDS res[B@2,C]
    """,
    "what was deleted during a disconnect stays with the client": """
        SET CDS[A]
        → CDS irv{A:h1,B:h1}
        ← CDS rem[B]
    """,
    "reporting a missing name ends its subscription": """
        SET EDS[]
        → EDS sub[Z]
        ← EDS rem[Z]
        ack
        SET EDS[Z]
        ← EDS res[Z]
    """,
    "a missing name is reported over and over": """
        SET EDS[]
        → EDS sub[Z]
        ← EDS rem[Z]
        ack
        ∅
        SET EDS[A]
        ∅
    """,
}


@pytest.mark.parametrize("transcript", MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_is_not_made(transcript: str) -> None:
    """The transcript is what the protocol asks for."""
    play(transcript)


def test_foreign_type_is_not_served_on_a_stream_of_one_type() -> None:
    """A stream of clusters has no Listeners."""
    play("SET CDS[A] LDS[L]\n→ LDS ✗ 3", fixed_type="CDS")


def test_end_of_one_stream_takes_nothing_from_another() -> None:
    """Streams of one node share nothing that the end of one could clear."""
    first, second = Transcript(), Transcript()
    for transcript in (first, second):
        transcript.play("SET CDS[A]\n→ CDS node{same}\n← CDS res[A]\nack")
    del first
    second.play("SET CDS[A@2]\n← CDS res[A@2]")
    assert second.session.node == Node("same", "shop/front")


def test_client_that_does_not_read_piles_nothing_up() -> None:
    """However many snapshots came meanwhile, it gets the newest state in one response."""
    transcript = Transcript().play("SET CDS[A]\n→ CDS\n← CDS res[A]\nack")
    for index in range(1000):
        transcript.step(f"SET CDS[A@v{index}]")
    transcript.play("← CDS res[A@v999] n2\n∅")
