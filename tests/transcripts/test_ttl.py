"""Resources with a time to live: rules 97 to 100."""

import pytest

from tests.transcripts.driver import Transcript, play

ALIVE = """
    SET CDS[A~10,B]
    → CDS
    ← CDS res[A,B]
    ack
"""


@pytest.mark.rule(97)
def test_resource_with_a_ttl_is_kept_alive_without_its_body() -> None:
    """Name and version go out before half of the time is over, again and again; the ACK means nothing."""
    transcript = Transcript().play(ALIVE)
    assert transcript.session.wakes_at() == transcript.now_s + 4
    transcript.play("""
        wait 3.9
        ∅
        wait 0.1
        ← CDS beat[A]
        ack
        ∅
        wait 4
        ← CDS beat[A]
    """)


@pytest.mark.rule(97)
def test_only_what_this_stream_was_sent_is_kept_alive() -> None:
    """A client that reports the version may have lost the body; it is left alone."""
    transcript = play("SET RDS[A~10]\n→ RDS sub[A] irv{A:h1}\n∅\nwait 5\n∅")
    assert transcript.session.wakes_at() is None


@pytest.mark.rule(97)
@pytest.mark.parametrize(
    "end", ["SET CDS[B]\n← CDS rem[A]", "→ CDS sub[B] unsub[*]\n← CDS res[B]", "SET CDS[A@2,B]\n← CDS res[A@2]"]
)
def test_heartbeats_end(end: str) -> None:
    """With the resource, with the subscription, and with the time to live."""
    transcript = play(ALIVE + end + "\nwait 60\n∅")
    assert transcript.session.wakes_at() is None


@pytest.mark.rule(98)
def test_client_need_not_say_that_it_knows_ttls() -> None:
    """Envoy does not, on a delta stream, and heeds them all the same: a plain node is enough."""
    play("SET EDS[A~1]\n→ EDS sub[A] node{plain}\n← EDS res[A]\nwait 0.4\n← EDS beat[A]")


@pytest.mark.rule(99)
def test_changed_ttl_is_sent_with_the_body() -> None:
    """It is a new version, as the snapshot makes it; the heartbeats follow it."""
    play(ALIVE + "SET CDS[A@2~20,B]\n← CDS res[A@2]\nack\nwait 7.9\n∅\nwait 0.1\n← CDS beat[A@2]")


@pytest.mark.rule(99)
def test_heartbeat_is_no_push() -> None:
    """A push goes out while a heartbeat is unanswered, and a heartbeat, in the old version, while a push is."""
    play("""
        SET RDS[A~10]
        → RDS sub[A]
        ← RDS res[A] n1
        wait 4
        ← RDS beat[A] n2
        SET RDS[A@2~10]
        ∅
        wait 4
        ← RDS beat[A] n3
        → RDS nonce=1
        ← RDS res[A@2] n4
        → RDS nonce=2
        → RDS nonce=3
    """)


@pytest.mark.rule(97)
def test_refused_heartbeat_brings_the_body() -> None:
    """The client has lost what it is to keep."""
    transcript = play(ALIVE + "wait 4\n← CDS beat[A]\nnack no such resource\n← CDS res[A]\nack")
    assert transcript.resource("CDS", "A").acked_version == "h1"


def test_unanswered_heartbeats_cost_little() -> None:
    """Only the newest are remembered."""
    transcript = Transcript().play(ALIVE)
    for _ in range(300):
        transcript.play("wait 4\n← CDS beat[A]")
    transcript.play("→ CDS nonce=2\n! '2'\n→ CDS nonce=301")
    assert transcript.events == ()


@pytest.mark.rule(100)
def test_virtual_hosts_are_never_kept_alive() -> None:
    """Without a body, a virtual host is one that does not exist."""
    transcript = play("SET VHDS[r/a~10]\n→ VHDS sub[r/a]\n← VHDS res[r/a]\nack\nwait 60\n∅")
    assert transcript.session.wakes_at() is None
