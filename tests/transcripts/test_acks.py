"""Nonces, ACK, NACK and pipelining: rules 66 to 79."""

import pytest

from egxds.sessions.events import Acked, Nacked, Refusal, Request
from egxds.sessions.in_flight import ACK_TIMEOUT_S, IN_FLIGHT_LIMIT
from egxds.snapshot.snapshot import EMPTY
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


@pytest.mark.rule(69, 79)
def test_nack_is_not_answered() -> None:
    """The same content is not sent again, and the stream goes on."""
    transcript = play(ONE_ROUTE + "SET RDS[A@bad]\n← RDS res[A@bad] n2\nnack no such filter\n∅\nwait 60\n∅")
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


@pytest.mark.rule(72)
def test_stale_nonce_rejects_nothing() -> None:
    """It is no ACK, but the names in the request count."""
    transcript = play("SET RDS[C]\n→ RDS\n← RDS res[]\nack\n→ RDS nonce=999 sub[C]\n! '999'\n← RDS res[C]")
    assert transcript.status("RDS").acked == 1


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


@pytest.mark.rule(74)
def test_request_without_nonce_is_no_ack() -> None:
    """Nor is it a NACK; that is odd."""
    transcript = play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\n→ RDS err{bad}\n! a refusal without a nonce\n→ RDS")
    assert (transcript.status("RDS").acked, transcript.status("RDS").nacked) == (0, 0)


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


def test_silent_client_costs_a_bounded_number_of_responses() -> None:
    """A client that never answers makes the session remember only the newest responses."""
    transcript = Transcript().play("SET CDS[A]\n→ CDS\n← CDS res[A] n1")
    for index in range(IN_FLIGHT_LIMIT):
        transcript.play(f"SET CDS[A@v{index}]\n← CDS res[A@v{index}]")
    transcript.play("→ CDS nonce=1\n! '1'\n→ CDS nonce=2")
    assert transcript.status("CDS").acked == 1


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


def test_request_is_taken_whole_or_not_at_all() -> None:
    """A subscription on an odd request is not lost."""
    transcript = Transcript().play("SET RDS[A]\n→ RDS\n← RDS res[]\nack")
    events = transcript.session.receive(
        Request(TYPES["RDS"], subscribe=("A", ""), nonce="nonsense" * 100, refusal=Refusal(13, "no")), transcript.now_s
    )
    assert len(events) == 2
    transcript.play("← RDS res[A]")
