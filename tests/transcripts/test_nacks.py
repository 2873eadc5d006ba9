"""What follows a NACK: rules 69 to 71 and 73."""

import pytest

from egxds.sessions.events import Nacked, Refusal
from egxds.sessions.in_flight import ACK_TIMEOUT_S, IN_FLIGHT_LIMIT
from tests.transcripts.driver import Transcript, play

ONE_ROUTE = """
    SET RDS[A]
    → RDS sub[A]
    ← RDS res[A]
    ack
"""


@pytest.mark.rule(69, 79)
def test_nack_is_not_answered() -> None:
    """The same content is not sent again before it is time to try it, and the stream goes on."""
    transcript = play(ONE_ROUTE + "SET RDS[A@bad]\n← RDS res[A@bad] n2\nnack no such filter\n∅\nwait 0.9\n∅")
    (event,) = transcript.events
    assert isinstance(event, Nacked)
    assert (event.nonce, event.refusal) == ("2", Refusal(13, "no such filter"))
    assert [(resource.name, resource.version) for resource in event.resources] == [("A", "bad")]


@pytest.mark.rule(70)
def test_new_version_is_sent_after_a_nack() -> None:
    """What was refused has no claim on what comes after it; taken, it ends the refusal."""
    transcript = play(ONE_ROUTE + "SET RDS[A@bad]\n← RDS res[A@bad]\nnack bad\nSET RDS[A@h3]\n← RDS res[A@h3] n3\nack")
    assert transcript.resource("RDS", "A").nacked_version == ""


@pytest.mark.rule(70)
def test_old_version_is_sent_after_a_nack() -> None:
    """A change that was taken back is sent, though the client may still have it."""
    play(ONE_ROUTE + "SET RDS[A@bad]\n← RDS res[A@bad]\nnack bad\nSET RDS[A]\n← RDS res[A]")


@pytest.mark.rule(31, 69)
def test_refused_version_is_sent_where_it_is_asked_for_again() -> None:
    """A new subscribe is owed an answer, even this one."""
    play(ONE_ROUTE + "SET RDS[A@bad]\n← RDS res[A@bad]\nnack bad\n→ RDS sub[A]\n← RDS res[A@bad]\nnack bad\n∅")


@pytest.mark.rule(71)
def test_names_on_a_nack_count() -> None:
    """A refusal may subscribe and unsubscribe."""
    play("""
        SET RDS[A,B]
        → RDS sub[A]
        ← RDS res[A]
        → RDS nonce=1 err{bad} sub[B] unsub[A]
        ← RDS res[B]
        ack
        SET RDS[A@h2,B]
    """)


@pytest.mark.rule(73)
@pytest.mark.parametrize("short", ["RDS", "EDS", "SDS"])
def test_companions_of_a_refused_resource_are_sent_alone(short: str) -> None:
    """A client that refused one of many took a random part of the others; each goes once more, by itself."""
    play(f"""
        SET {short}[A,B]
        → {short} sub[A,B]
        ← {short} res[A,B]
        ack
        SET {short}[A@bad,B@h2]
        ← {short} res[A@bad,B@h2]
        nack malformed
        ← {short} res[A@bad]
        nack malformed
        ← {short} res[B@h2]
        ack
        ∅
        SET {short}[A@h3,B@h2]
        ← {short} res[A@h3]
    """)


@pytest.mark.rule(73)
def test_what_changed_since_a_refusal_is_not_sent_alone() -> None:
    """The push has it; only what is as it was is sent once more."""
    play("""
        SET RDS[A,B]
        → RDS sub[A,B]
        ← RDS res[A,B]
        ack
        SET RDS[A@bad,B@h2]
        ← RDS res[A@bad,B@h2] n2
        SET RDS[A@h3,B@h2]
        → RDS nonce=2 err{malformed}
        ← RDS res[A@h3]
        ← RDS res[B@h2]
    """)


@pytest.mark.rule(73)
@pytest.mark.parametrize(
    ("short", "message"),
    [
        ("CDS", "Error adding/updating cluster(s) bad: Didn't find a registered implementation for 'x'"),
        ("LDS", "Error adding/updating listener(s) bad: Only unique names"),
    ],
)
def test_companions_that_were_applied_are_sent_once_more_together(short: str, message: str) -> None:
    """Envoy uses the good clusters and listeners but does not record them; once taken, a reconnect reports them."""
    transcript = play(f"""
        SET {short}[bad,g1,g2,old]
        → {short}
        ← {short} res[bad,g1,g2,old]
        ack
        SET {short}[bad@x,g1@h2,g2@h2]
        ← {short} res[bad@x,g1@h2,g2@h2] rem[old]
        nack {message}
        ← {short} res[g1@h2,g2@h2] rem[old]
        ack
        ∅
        SET {short}[g1@h2,g2@h2]
        ← {short} rem[bad]
    """)
    assert set(transcript.status(short).resources) == {"g1", "g2"}


@pytest.mark.rule(73)
def test_all_that_a_refusal_names_is_refused() -> None:
    """Several clusters may fail in one response."""
    message = "Error adding/updating cluster(s) b1: no such filter, b2: no such filter"
    play(f"SET CDS[b1,b2,g]\n→ CDS\n← CDS res[b1,b2,g]\nnack {message}\n← CDS res[g]\nack\n∅")


@pytest.mark.rule(73)
def test_clusters_of_a_refusal_that_names_none_are_sent_alone() -> None:
    """A message that does not decode is refused whole; nothing of it was applied, not even its removals."""
    play("""
        SET CDS[a,b,c]
        → CDS
        ← CDS res[a,b,c]
        ack
        SET CDS[a@bad,b@h2]
        ← CDS res[a@bad,b@h2] rem[c]
        nack Invalid duration: Expected positive duration
        ← CDS res[a@bad]
        ← CDS res[b@h2]
        ← CDS rem[c]
        ack
    """)


@pytest.mark.rule(73)
def test_removal_that_came_back_meanwhile_is_not_repeated() -> None:
    """What exists again is sent, not removed."""
    play("""
        SET CDS[a,c]
        → CDS
        ← CDS res[a,c]
        ack
        SET CDS[a@bad]
        ← CDS res[a@bad] rem[c] n2
        SET CDS[a@bad,c]
        → CDS nonce=2 err{Invalid duration}
        ← CDS res[c]
    """)


def test_what_is_sent_alone_after_a_refusal_comes_in_bounded_numbers() -> None:
    """A large refused response must not have its parts forgotten before they are answered."""
    names = [f"e{index:03}" for index in range(IN_FLIGHT_LIMIT + 10)]
    transcript = Transcript().play(f"SET EDS[{','.join(names)}]")
    transcript.step(f"→ EDS sub[{','.join(names)}]")
    assert transcript.session.next_response(transcript.now_s) is not None
    transcript.step("→ EDS nonce=1 err{malformed}")
    for name in names[:IN_FLIGHT_LIMIT]:
        transcript.step(f"← EDS res[{name}]")
    transcript.step("∅")
    assert transcript.session.wakes_at() == transcript.now_s + ACK_TIMEOUT_S
    transcript.step("→ EDS nonce=2")
    transcript.play(f"← EDS res[{names[IN_FLIGHT_LIMIT]}]")
