"""Listeners that take each other's addresses: who frees one goes before who takes it, in two responses.

Cases of envoyproxy/envoy PR 3593 and cilium/cilium PRs 48624 and 48712.
"""

from __future__ import annotations

from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.used_unacked import UsedUnackedByNode
from tests.transcripts.driver import Transcript, play

KNOWN = """
    SET LDS[x:81, y:82, z:83]
    → LDS
    ← LDS res[x:81, y:82, z:83]
    ack
"""


def duplicate(*names: str) -> str:
    """Return what Envoy says of Listeners whose address another has."""
    return "Error adding/updating listener(s) " + ", ".join(
        f"{name}: has duplicate address as existing" for name in names
    )


def test_who_frees_a_port_goes_before_who_takes_it() -> None:
    """In whichever order their names are."""
    play(KNOWN + "SET LDS[x:82, y:84, z:83]\n← LDS res[y:84]\n∅\nack\n← LDS res[x:82]\nack\n∅")
    play(KNOWN + "SET LDS[x:84, y:81, z:83]\n← LDS res[x:84]\n∅\nack\n← LDS res[y:81]\nack\n∅")


def test_chain() -> None:
    """One response for each step of it."""
    play(KNOWN + "SET LDS[x:82, y:83, z:84]\n← LDS res[z:84]\nack\n← LDS res[y:83]\nack\n← LDS res[x:82]\nack\n∅")


def test_exchange() -> None:
    """One of the two is removed where the other takes its port, and comes back on the port that is free then."""
    play(KNOWN + "SET LDS[x:82, y:81, z:83]\n← LDS res[y:81] rem[x]\n∅\nack\n← LDS res[x:82]\nack\n∅")


def test_rotation_and_back() -> None:
    """Three in a circle, one after the other; then the other way round."""
    play(
        KNOWN
        + """
        SET LDS[x:82, y:83, z:81]
        ← LDS res[z:81] rem[x]
        ack
        ← LDS res[y:83]
        ack
        ← LDS res[x:82]
        ack
        ∅
        SET LDS[x:81, y:82, z:83]
        ← LDS res[y:82] rem[x]
        ack
        ← LDS res[z:83]
        ack
        ← LDS res[x:81]
        ack
        ∅
    """
    )


def test_what_does_not_change_hands_waits_for_nothing() -> None:
    """A Listener that is not concerned goes first."""
    play(
        KNOWN
        + "SET LDS[x:82, y:81, z:83@h2]\n← LDS res[z:83@h2]\nack\n← LDS res[y:81] rem[x]\nack\n← LDS res[x:82]\nack"
    )


def test_port_of_a_listener_that_goes_is_free_in_the_same_response() -> None:
    """Envoy removes before it adds (rule 83)."""
    play(KNOWN + "SET LDS[new:81, y:82, z:83]\n← LDS res[new:81] rem[x]\nack\n∅")
    play(KNOWN + "SET LDS[x:82, z:83]\n← LDS res[x:82] rem[y]\nack\n∅")


def test_one_of_several_addresses_is_enough() -> None:
    """A Listener may have more than one."""
    play(KNOWN + "SET LDS[x:82+83, y:84, z:85]\n← LDS res[y:84, z:85]\nack\n← LDS res[x:82+83]\nack\n∅")


def test_exchange_that_is_taken_back_in_the_middle() -> None:
    """The newest state is what counts."""
    play(
        KNOWN
        + """
        SET LDS[x:82, y:81, z:83]
        ← LDS res[y:81] rem[x]
        SET LDS[x:81, y:82, z:83]
        ack
        ← LDS res[y:82]
        ack
        ← LDS res[x:81]
        ack
        ∅
    """
    )


def test_exchange_after_a_reconnect() -> None:
    """Where it was not changed meanwhile, it is known where it listens."""
    play("""
        SET LDS[x:81, y:82]
        → LDS irv{x:h1+81, y:h1+82}
        ← LDS res[]
        ack
        SET LDS[x:82, y:81]
        ← LDS res[y:81] rem[x]
        ack
        ← LDS res[x:82]
        ack
        ∅
    """)


def test_exchange_while_the_client_was_away() -> None:
    """Nobody knows where its Listeners are; that they are in each other's way, it says itself."""
    transcript = Transcript()
    transcript.play(f"""
        SET LDS[x:82, y:81, z:83]
        → LDS irv{{x:old, y:old, z:h1+83}}
        ← LDS res[x:82, y:81]
        nack {duplicate("x", "y")}
        ∅
        wait 1
        ← LDS res[y:81] rem[x]
        ack
        ← LDS res[x:82]
        ack
        ∅
        wait 60
        ∅
    """)


def test_exchange_with_one_that_travelled_with_a_refused_one() -> None:
    """It is in use, though the response was refused: its address is not free before it has left it."""
    play(
        KNOWN
        + """
        SET LDS[x:81@bad, y:84, z:83]
        ← LDS res[x:81@bad, y:84]
        SET LDS[x:81@bad, y:83, z:84]
        nack Error adding/updating listener(s) x: no such filter
        ← LDS res[z:84] rem[y]
        ack
        ← LDS res[y:83]
        ack
        ∅
    """
    )


def test_whoever_has_an_address_now_has_it_alone() -> None:
    """Nobody waits for one that was thought to be there."""
    play(
        KNOWN
        + """
        SET LDS[x:81@bad, y:84, z:83]
        ← LDS res[x:81@bad, y:84]
        SET LDS[x:81@bad, y:85, z:83]
        nack Error adding/updating listener(s) x: no such filter
        ← LDS res[y:85]
        SET LDS[x:81@bad, y:85, z:84]
        ack
        ← LDS res[z:84]
        SET LDS[x:81@bad, y:84, z:85]
        ack
        ← LDS res[z:85] rem[y]
        ack
        ← LDS res[y:84]
        ack
        ∅
    """
    )


def test_what_is_refused_with_all_that_came_beside_it_is_nowhere_else() -> None:
    """A message that Envoy cannot read changes nothing: what came with it is where it was."""
    play(
        KNOWN
        + """
        SET LDS[x:81@bad, y:84, z:83]
        ← LDS res[x:81@bad, y:84]
        SET LDS[x:81@bad, y:83, z:84]
        nack Invalid duration
        ← LDS res[z:84]
        ack
        ← LDS res[y:83]
        ack
        ← LDS res[x:81@bad]
        ack
        ∅
    """
    )


def test_exchange_of_what_the_client_has_not_answered_to() -> None:
    """It has it, most likely: that its answer is late is no reason to have it refuse what comes next."""
    play("""
        SET LDS[x:81, y:82]
        → LDS
        ← LDS res[x:81, y:82]
        SET LDS[x:82, y:81]
        ∅
        wait 10
        ← LDS res[y:81] rem[x]
        ack
        ← LDS res[x:82]
        ack
        ∅
    """)


def test_what_went_with_what_was_refused_is_sent_in_order() -> None:
    """Also where something that was removed with it is back by then, or is not alone in being gone."""
    play(
        KNOWN
        + """
        SET LDS[y:84, z:83@bad]
        ← LDS res[y:84, z:83@bad] rem[x]
        SET LDS[x:81, y:84, z:83@bad]
        nack Error adding/updating listener(s) z: no such filter
        ← LDS res[x:81]
        nack Error adding/updating listener(s) x: no such filter
        ← LDS res[x:81, y:84]
        ack
    """
    )
    play(
        KNOWN
        + """
        SET LDS[y:84, z:83@bad]
        ← LDS res[y:84, z:83@bad] rem[x]
        SET LDS[z:83@bad]
        nack Error adding/updating listener(s) z: no such filter
        ← LDS res[] rem[y]
        ← LDS res[] rem[x,y]
        ack
    """
    )


def test_exchange_beside_one_that_is_refused_for_good() -> None:
    """It is in nobody's way: those that are in each other's are not to wait for it."""
    play(f"""
        SET LDS[x:82, y:81, z:83@bad]
        → LDS irv{{x:old, y:old}}
        ← LDS res[x:82, y:81, z:83@bad]
        nack {duplicate("x", "y")}, z: no such filter
        ∅
        wait 1
        ← LDS res[z:83@bad]
        nack Error adding/updating listener(s) z: no such filter
        ← LDS res[y:81] rem[x]
        ack
        ← LDS res[x:82]
        ack
        ∅
    """)


def test_exchange_with_one_that_came_to_its_address_on_an_earlier_stream() -> None:
    """It was in a response that was refused when the stream broke, and the client reports nothing of it."""
    known = UsedUnackedByNode()
    first, second = (Transcript(session=DeltaSession(used_unacked=known)) for _ in range(2))
    first.play("SET LDS[w:83@bad, x:81, y:82]\n→ LDS\n← LDS res[w:83@bad, x:81, y:82]")
    second.play(f"""
        SET LDS[x:82, y:81]
        → LDS
        ← LDS res[x:82, y:81] rem[w]
        nack {duplicate("x", "y")}
        ← LDS res[] rem[w]
        ack
        ∅
        wait 1
        ← LDS res[y:81] rem[x]
        ack
        ← LDS res[x:82]
        ack
        ∅
    """)


def test_refusal_for_another_reason_removes_nothing() -> None:
    """Of two that are bad each keeps what it has."""
    message = "Error adding/updating listener(s) x: no such filter, y: no such filter"
    play(f"""
        SET LDS[x:82, y:81]
        → LDS irv{{x:old, y:old}}
        ← LDS res[x:82, y:81]
        nack {message}
        wait 1
        ← LDS res[x:82]
        nack {message}
        ← LDS res[y:81]
        nack {message}
        ∅
    """)


def test_port_that_a_listener_keeps_is_no_reason_to_wait() -> None:
    """What wants it is sent, refused and tried again."""
    play(KNOWN + "SET LDS[x:82, y:82@h2, z:83]\n← LDS res[x:82, y:82@h2]\nack")


def test_answer_does_not_wait() -> None:
    """A client that asks by name is told what it asks for."""
    play("""
        SET LDS[x:81, y:82]
        → LDS sub[x,y]
        ← LDS res[x:81, y:82]
        SET LDS[x:82, y:81]
        → LDS sub[x,y]
        ← LDS res[x:82, y:81]
    """)
