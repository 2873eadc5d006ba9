"""Several responses that are out at once, and ACKs that never come: rules 75 to 78."""

import pytest

from egxds.sessions.in_flight import ACK_TIMEOUT_S, IN_FLIGHT_LIMIT
from egxds.snapshot.snapshot import EMPTY
from tests.transcripts.driver import Transcript, play


@pytest.mark.rule(75)
@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_several_responses_may_be_out(order: tuple[int, int]) -> None:
    """Each ACK is matched by its own nonce, in any order."""
    transcript = play(
        "SET RDS[A,B]\n→ RDS sub[A]\n← RDS res[A] n1\n→ RDS sub[B]\n← RDS res[B] n2\n"
        f"→ RDS nonce={order[0]}\n→ RDS nonce={order[1]}\n∅"
    )
    assert [transcript.resource("RDS", name).acked_version for name in "AB"] == ["h1", "h1"]
    assert transcript.status("RDS").last_acked_nonce == "2"


@pytest.mark.rule(75)
def test_late_ack_takes_nothing_back() -> None:
    """The ACK of an older version does not hide what was said to the newer one."""
    transcript = play("""
        SET RDS[A]
        → RDS sub[A]
        ← RDS res[A] n1
        SET RDS[A@h2]
        → RDS sub[A]
        ← RDS res[A@h2] n2
        → RDS nonce=2 err{bad}
        → RDS nonce=1
    """)
    status = transcript.resource("RDS", "A")
    assert (status.sent_version, status.acked_version, status.nacked_version) == ("h2", "", "h2")


@pytest.mark.rule(76)
def test_pushes_wait_for_the_ack_and_coalesce() -> None:
    """One push of a type is out at a time; what changes meanwhile is one difference against the newest snapshot."""
    play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nSET RDS[A@h2]\n∅\nSET RDS[A@h3]\n∅\nack\n← RDS res[A@h3] n2")


@pytest.mark.rule(76)
def test_answers_do_not_wait_for_an_ack() -> None:
    """A subscribe is answered while a push is out; what changed beside it still waits."""
    play("""
        SET EDS[A,B]
        → EDS sub[A]
        ← EDS res[A] n1
        SET EDS[A@h2,B@h2]
        → EDS sub[B,Z]
        ← EDS res[B@h2] rem[Z] n2
        → EDS nonce=1
        ∅
        → EDS nonce=2
        ← EDS res[A@h2]
    """)


@pytest.mark.rule(76, 78)
def test_clusters_do_not_wait_for_an_ack() -> None:
    """Envoy holds it back while clusters warm, and applies later pushes at once."""
    play("SET CDS[A]\n→ CDS\n← CDS res[A]\nSET CDS[A@h2]\n← CDS res[A@h2]\nSET CDS[A@h3]\n← CDS res[A@h3]")


@pytest.mark.rule(77)
def test_pushing_goes_on_where_an_ack_never_comes() -> None:
    """Envoy drops a response without a word where it has no use for the type."""
    transcript = Transcript().play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nSET RDS[A@h2]\n∅\nwait 9.9\n∅")
    assert transcript.session.wakes_at() == 100.0 + ACK_TIMEOUT_S
    transcript.play("wait 0.1\n← RDS res[A@h2]\n∅")
    assert transcript.session.wakes_at() is None


@pytest.mark.rule(77)
def test_what_is_taken_back_is_not_waited_for() -> None:
    """A time that has come and brings nothing would have the stream wake without an end."""
    transcript = Transcript()
    transcript.session.offer(EMPTY)
    transcript.play("→ LDS\n← LDS res[]\nSET LDS[L]\n∅")
    assert transcript.session.wakes_at() == transcript.now_s + ACK_TIMEOUT_S
    transcript.session.offer(EMPTY)
    transcript.play("∅")
    assert transcript.session.wakes_at() is None


@pytest.mark.rule(76)
def test_answer_from_a_state_that_is_over_is_taken_back() -> None:
    """What came since the last push was given as an answer; then everything is as it was at that push."""
    play("""
        SET RDS[A, B]
        → RDS sub[A,B]
        ← RDS res[A, B] n1
        SET RDS[A, B@h2]
        ∅
        → RDS sub[B]
        ← RDS res[B@h2] n2
        SET RDS[A, B@h3]
        SET RDS[A, B]
        ∅
        → RDS nonce=1
        → RDS nonce=2
        ← RDS res[B]
    """)


@pytest.mark.rule(77)
def test_gate_closes_again_after_a_lost_ack() -> None:
    """With the next ACK the lost response is forgotten, and pushes wait for ACKs again."""
    play("""
        SET RDS[A]
        → RDS sub[A]
        ← RDS res[A] n1
        wait 10
        SET RDS[A@h2]
        ← RDS res[A@h2] n2
        ack
        → RDS nonce=1
        ! '1'
        SET RDS[A@h3]
        ← RDS res[A@h3]
        SET RDS[A@h4]
        ∅
    """)


@pytest.mark.rule(77)
def test_type_that_nobody_asked_for_is_not_pushed() -> None:
    """Not even as a child of what is."""
    play("SET LDS[L(RDS:r)] RDS[r]\n→ LDS\n← LDS res[L]\nack\nSET LDS[L@h2(RDS:r)] RDS[r@h2]\n← LDS res[L@h2]\nack")


@pytest.mark.rule(78)
def test_endpoints_and_secrets_do_not_wait_for_the_ack_of_clusters() -> None:
    """The clusters wait for them."""
    play("""
        SET CDS[X(EDS:X)] EDS[X] SDS[s]
        → CDS
        ← CDS res[X]
        → EDS sub[X]
        → SDS sub[s]
        ← EDS res[X]
        ack
        ← SDS res[s]
        ack
        SET EDS[X@h2] SDS[s@h2]
        ← EDS res[X@h2]
        ← SDS res[s@h2]
    """)


def test_silent_client_costs_a_bounded_number_of_responses() -> None:
    """A client that never answers makes the session remember only the newest responses."""
    transcript = Transcript().play("SET CDS[A]\n→ CDS\n← CDS res[A] n1")
    for index in range(IN_FLIGHT_LIMIT):
        transcript.play(f"SET CDS[A@v{index}]\n← CDS res[A@v{index}]")
    transcript.play("→ CDS nonce=1\n! '1'\n→ CDS nonce=2")
    assert transcript.status("CDS").acked == 1
