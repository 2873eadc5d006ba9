"""Named subscription, names that do not exist, unsubscribe: rules 31 to 52."""

import pytest

from tests.transcripts.driver import Transcript, play
from tests.transcripts.language import TYPES

TWO_ROUTES = """
    SET RDS[A,B]
    → RDS sub[A,B]
    ← RDS res[A,B] n1
"""


@pytest.mark.rule(31)
def test_name_that_is_subscribed_again_is_sent_again() -> None:
    """Whatever version the server believes the client has."""
    play(TWO_ROUTES + "ack\n→ RDS sub[A]\n← RDS res[A] n2\nack\n∅")


@pytest.mark.rule(32)
def test_name_may_ride_on_an_ack() -> None:
    """An ACK that subscribes is an ACK and a subscription."""
    transcript = play(TWO_ROUTES + "→ RDS nonce=1 sub[A]\n← RDS res[A]")
    assert transcript.status("RDS").acked == 1


SWAPPED = """
    SET LDS[L(RDS:r1 RDS:r2)] RDS[r1,r2]
    → LDS
    ← LDS res[L]
    ack
    → RDS sub[r1,r2]
    ← RDS res[r1,r2]
    ack
    SET LDS[L@inline]
    ← LDS res[L@inline]
    ack
"""


@pytest.mark.rule(33)
def test_routes_come_back_after_the_client_dropped_them() -> None:
    """Listeners went inline and back, the client unsubscribed in between: both routes are sent, changed or not."""
    play(
        SWAPPED
        + """
        → RDS unsub[r1,r2]
        ∅
        SET LDS[L@back(RDS:r1 RDS:r2)] RDS[r1@h2,r2]
        ← LDS res[L@back]
        ack
        → RDS sub[r1,r2]
        ← RDS res[r1@h2,r2@h1]
        ack
    """
    )


@pytest.mark.rule(33)
def test_routes_come_back_where_the_client_only_subscribed_once_more() -> None:
    """The unsubscribe was lost in the client's coalescing: both routes are sent all the same."""
    play(
        SWAPPED
        + """
        SET LDS[L@back] RDS[r1@h2,r2]
        ← LDS res[L@back]
        ack
        ← RDS res[r1@h2]
        ack
        → RDS sub[r1,r2]
        ← RDS res[r1@h2,r2@h1]
        ack
    """
    )


@pytest.mark.rule(33, 84)
def test_routes_come_back_where_the_client_asks_for_nothing() -> None:
    """The client never let the names go: the server sends both behind the Listener that refers to them."""
    play(
        SWAPPED
        + """
        SET LDS[L@back(RDS:r1 RDS:r2)] RDS[r1@h2,r2]
        ← LDS res[L@back]
        ← RDS res[r1@h2,r2@h1]
        ack
    """
    )


@pytest.mark.rule(34)
def test_name_that_was_dropped_and_is_taken_again_is_sent() -> None:
    """Unsubscribing forgets the version."""
    play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nack\n→ RDS unsub[A]\n∅\n→ RDS sub[A]\n← RDS res[A]")


@pytest.mark.rule(35)
def test_name_in_both_lists_is_dropped() -> None:
    """Unsubscribe wins, and the request is odd."""
    play("""
        SET RDS[A]
        → RDS sub[A] unsub[A]
        ! 'A' is both subscribed and unsubscribed
        ∅
        SET RDS[A@h2]
        ∅
    """)


@pytest.mark.rule(36)
def test_names_that_are_added_come_alone() -> None:
    """The answer to a new name holds nothing else."""
    play("SET RDS[A,B]\n→ RDS sub[A]\n← RDS res[A]\nack\n→ RDS sub[B]\n← RDS res[B]")


@pytest.mark.rule(37)
def test_only_subscribed_names_are_pushed() -> None:
    """What appears beside them is not sent."""
    play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nack\nSET RDS[A,B@h2,D]\n∅")


@pytest.mark.rule(38, 95)
def test_name_that_is_listed_twice_is_sent_once() -> None:
    """Envoy refuses a response in which a name comes twice."""
    play("SET RDS[A]\n→ RDS sub[A,A]\n← RDS res[A]\nack\n→ RDS sub[A,A]\n← RDS res[A]")


@pytest.mark.rule(39)
def test_empty_name_is_ignored() -> None:
    """It names nothing; the rest of the request counts."""
    transcript = Transcript().play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nack")
    transcript.play("→ RDS sub[ ,A]\n! an empty resource name\n← RDS res[A]")
    assert transcript.status("RDS").subscribed == 1


@pytest.mark.rule(40)
def test_requests_that_came_together_are_answered_together() -> None:
    """One request per name makes one response where all of them were read before the answer."""
    transcript = Transcript().play("SET EDS[" + ",".join(f"c{i}" for i in range(500)) + "]")
    for index in range(500):
        transcript.step(f"→ EDS sub[c{index}]")
    response = transcript.session.next_response(transcript.now_s)
    assert response is not None
    assert [resource.name for resource in response.resources] == sorted(f"c{i}" for i in range(500))
    assert transcript.session.next_response(transcript.now_s) is None


@pytest.mark.rule(42)
def test_missing_name_is_removed_beside_what_is_found() -> None:
    """The client is told what does not exist in the same response."""
    play("SET EDS[A]\n→ EDS sub[A,Z]\n← EDS res[A] rem[Z] n1")


@pytest.mark.rule(42, 48)
@pytest.mark.parametrize("short", ["CDS", "LDS", "EDS", "SDS"])
def test_missing_name_is_removed(short: str) -> None:
    """Told at once, the client waits no longer."""
    play(f"SET {short}[]\n→ {short} sub[Z]\n← {short} rem[Z]\nack\n→ {short} sub[Z]\n← {short} rem[Z]")


@pytest.mark.rule(42, 48)
@pytest.mark.parametrize("short", ["RDS", "ECDS"])
def test_missing_route_is_passed_over_in_silence(short: str) -> None:
    """Envoy's listener would never start if it were told that its routes do not exist."""
    play(f"""
        SET {short}[A]
        → {short} sub[A,Z]
        ← {short} res[A]
        ack
        → {short} sub[Z]
        ∅
        SET {short}[A,Z]
        ← {short} res[Z]
    """)


@pytest.mark.rule(15, 42)
def test_first_request_is_answered_empty_where_it_must_not_be_told_what_is_missing() -> None:
    """An answer that is owed is an empty one."""
    play("SET RDS[]\n→ RDS sub[*,Z]\n← RDS res[] n1")


@pytest.mark.rule(43)
def test_missing_name_is_sent_when_it_appears() -> None:
    """A name stays subscribed though it did not exist."""
    play("SET EDS[A]\n→ EDS sub[A,Z]\n← EDS res[A] rem[Z]\nack\nSET EDS[A,Z]\n← EDS res[Z]")


@pytest.mark.rule(44)
def test_only_missing_names_make_a_response_of_removals() -> None:
    """Silence would make the client wait for its timeout."""
    play("SET EDS[A]\n→ EDS sub[Y]\n← EDS rem[Y] n1")


@pytest.mark.rule(45)
def test_missing_name_is_reported_once() -> None:
    """Later snapshots without it are no news; a new subscribe is."""
    play("""
        SET EDS[A]
        → EDS sub[Z]
        ← EDS rem[Z]
        ack
        SET EDS[B]
        ∅
        → EDS sub[Z]
        ← EDS rem[Z]
    """)


@pytest.mark.rule(46)
def test_removal_does_not_end_the_subscription() -> None:
    """A resource that goes and comes back with the same version is sent."""
    play("""
        SET EDS[Z]
        → EDS sub[Z]
        ← EDS res[Z]
        ack
        SET EDS[]
        ← EDS rem[Z]
        ack
        SET EDS[Z]
        ← EDS res[Z]
    """)


@pytest.mark.rule(48)
def test_route_that_vanishes_is_removed() -> None:
    """Envoy keeps a route configuration that it has; other clients drop it."""
    play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nack\nSET RDS[]\n← RDS rem[A]\nack\nSET RDS[]\n∅")


@pytest.mark.rule(48)
def test_extension_config_that_vanishes_is_not_removed() -> None:
    """Envoy would answer live requests with errors."""
    play("SET ECDS[A]\n→ ECDS sub[A]\n← ECDS res[A]\nack\nSET ECDS[]\n∅\nSET ECDS[A@h2]\n← ECDS res[A@h2]")


@pytest.mark.rule(49)
def test_dropped_name_is_not_pushed_any_more() -> None:
    """No answer, no pushes, and nothing is remembered."""
    transcript = play(
        TWO_ROUTES + "ack\n→ RDS unsub[B]\n∅\nSET RDS[A,B@h2]\n∅\nSET RDS[A@h2,B@h2]\n← RDS res[A@h2]\nack"
    )
    assert set(transcript.status("RDS").resources) == {"A"}


@pytest.mark.rule(50)
def test_dropping_what_was_never_subscribed_means_nothing() -> None:
    """Envoy does that."""
    play("SET RDS[A]\n→ RDS unsub[never]\n∅\n→ RDS sub[A]\n← RDS res[A]")


@pytest.mark.rule(52)
def test_dropped_name_is_not_sent_though_it_was_due() -> None:
    """A body or removal that was not written when the name was dropped is never written."""
    play("""
        SET RDS[A,B] EDS[E,F]
        → RDS sub[A,B]
        ← RDS res[A,B]
        ack
        → EDS sub[E,F]
        ← EDS res[E,F]
        ack
        SET RDS[A@h2,B@h2] EDS[]
        → RDS unsub[A]
        → EDS unsub[E]
        ← RDS res[B@h2]
        ack
        ← EDS rem[F]
    """)


@pytest.mark.rule(52)
@pytest.mark.parametrize("dropped", ["→ CDS sub[*]", "→ CDS unsub[A]", "→ CDS sub[Q]\n→ CDS unsub[Q]"])
def test_dropped_wildcard_is_not_answered_though_an_answer_was_due(dropped: str) -> None:
    """What was asked for under a wildcard, and not written yet, is of no use without it."""
    play(f"SET CDS[A,B]\n→ CDS sub[*,A]\n← CDS res[A,B]\nack\n{dropped}\n→ CDS unsub[*,A]\n∅")


@pytest.mark.rule(52)
def test_name_that_was_taken_and_dropped_before_the_answer_is_not_sent() -> None:
    """Nothing is owed for it any more, whether it exists or not."""
    play("SET EDS[A]\n→ EDS\n← EDS res[]\nack\n→ EDS sub[A,Z]\n→ EDS unsub[A,Z]\n∅")


def test_ack_of_a_name_that_was_dropped_leaves_no_trace() -> None:
    """An answer that comes after the unsubscribe must not keep the name in memory, or count as a standing refusal."""
    transcript = play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\n→ RDS unsub[A]\n∅\nnack bad")
    (state,) = transcript.session._types.values()
    assert (state.type_url, state.in_flight.acked.all(), state.in_flight.refused) == (TYPES["RDS"], {}, {})
