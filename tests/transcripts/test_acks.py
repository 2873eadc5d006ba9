"""Nonces and ACKs, and what is told of them: rules 66 to 68, 72, 74 and 79."""

import pytest

from egxds.sessions.events import Acked, Refusal, Request
from tests.transcripts.driver import Transcript, play
from tests.transcripts.language import TYPES

ONE_ROUTE = """
    SET RDS[A]
    → RDS sub[A]
    ← RDS res[A]
    ack
"""


@pytest.mark.rule(66)
def test_nonces_are_unique_on_a_stream() -> None:
    """Across types, and whatever the content."""
    transcript = Transcript().play("SET CDS[A] RTDS[]\n→ CDS\n← CDS res[A] n1\nack")
    nonces = []
    for index in range(500):
        transcript.step(f"SET CDS[A@h{index % 2}]")
        transcript.step("→ RTDS sub[x]")
        while response := transcript.session.next_response(transcript.now_s):
            nonces.append(response.nonce)
    assert len(nonces) == len(set(nonces)) == 1000


@pytest.mark.rule(67)
def test_nonces_are_tracked_by_type() -> None:
    """An ACK of one type settles nothing of another."""
    transcript = play("SET CDS[A] LDS[L]\n→ CDS\n→ LDS\n← CDS res[A] n1\n← LDS res[L] n2\n→ CDS nonce=1")
    assert transcript.events == (Acked(TYPES["CDS"], "1"),)
    assert (transcript.status("CDS").last_acked_nonce, transcript.status("LDS").last_acked_nonce) == ("1", "")


@pytest.mark.rule(67, 72)
def test_nonce_of_another_type_is_no_ack() -> None:
    """It is odd, and means nothing."""
    transcript = play("SET CDS[A] LDS[L]\n→ CDS\n→ LDS\n← CDS res[A] n1\n← LDS res[L] n2\n→ CDS nonce=2\n! '2'")
    assert transcript.status("LDS").acked == 0


@pytest.mark.rule(68)
def test_ack_is_not_answered() -> None:
    """What was taken is recorded."""
    transcript = play(ONE_ROUTE)
    assert transcript.resource("RDS", "A").acked_version == "h1"


@pytest.mark.rule(72)
def test_stale_nonce_rejects_nothing() -> None:
    """It is no ACK, but the names in the request count."""
    transcript = play("SET RDS[C]\n→ RDS\n← RDS res[]\nack\n→ RDS nonce=999 sub[C]\n! '999'\n← RDS res[C]")
    assert transcript.status("RDS").acked == 1


@pytest.mark.rule(74)
def test_request_without_nonce_is_no_ack() -> None:
    """Nor is it a NACK; that is odd."""
    transcript = play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\n→ RDS err{bad}\n! a refusal without a nonce\n→ RDS")
    assert (transcript.status("RDS").acked, transcript.status("RDS").nacked) == (0, 0)


@pytest.mark.rule(79)
def test_status_tells_versions_apart() -> None:
    """Sent, taken and refused versions by resource; nonces, counts and the last error by type."""
    transcript = play(
        ONE_ROUTE.replace("[A]", "[A,B]").replace("res[A]", "res[A,B]")
        + "SET RDS[A@bad,B]\n← RDS res[A@bad]\nnack no\n→ RDS sub[B]\n← RDS res[B]"
    )
    refused, good, status = transcript.resource("RDS", "A"), transcript.resource("RDS", "B"), transcript.status("RDS")
    assert (refused.sent_version, refused.acked_version, refused.nacked_version, refused.error) == (
        "bad",
        "h1",
        "bad",
        "no",
    )
    assert (good.sent_version, good.acked_version, good.nacked_version, good.error) == ("h1", "h1", "", "")
    assert (status.last_sent_nonce, status.last_acked_nonce, status.last_error) == ("3", "1", "no")
    assert (status.sent, status.acked, status.nacked, status.subscribed, status.is_wildcard) == (3, 1, 1, 2, False)


def test_request_is_taken_whole_or_not_at_all() -> None:
    """A subscription on an odd request is not lost."""
    transcript = Transcript().play("SET RDS[A]\n→ RDS\n← RDS res[]\nack")
    events = transcript.session.receive(
        Request(TYPES["RDS"], subscribe=("A", ""), nonce="nonsense" * 100, refusal=Refusal(13, "no")), transcript.now_s
    )
    assert len(events) == 2
    transcript.play("← RDS res[A]")
