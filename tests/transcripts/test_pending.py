"""What a client refuses stays with it: tried again until it is taken (rule 73 and the product's first promise)."""

from __future__ import annotations

import pytest

from egxds.names import LISTENER
from egxds.sessions.pending import LONGEST_STEP_S
from tests.transcripts.driver import Transcript, play

BIND = "Error adding/updating listener(s) x: cannot bind '127.0.0.1:80': Address already in use"
TAKEN = f"""
    SET LDS[x:80, z:82]
    → LDS
    ← LDS res[x:80, z:82]
    nack {BIND}
    ← LDS res[z:82]
    ack
    ∅
"""


def test_what_is_refused_is_tried_again_alone_and_ever_more_rarely() -> None:
    """Its port may be free again, and nobody tells (istio/istio issue 7765, envoyproxy/gateway issue 5477)."""
    transcript = play(TAKEN)
    for step_s in (1, 2, 4, 8, LONGEST_STEP_S, LONGEST_STEP_S):
        transcript.play(f"wait {step_s - 0.5}\n∅\nwait 0.5\n← LDS res[x:80]\nnack {BIND}\n∅")
    transcript.play(f"wait {LONGEST_STEP_S}\n← LDS res[x:80]\nack\n∅\nwait 60\n∅")
    assert transcript.status("LDS").state.value == "SYNCED"
    assert transcript.session.pending() == ()
    assert transcript.session.wakes_at() is None


def test_stream_wakes_for_the_next_try() -> None:
    """Nothing else would."""
    transcript = play(TAKEN)
    assert transcript.session.wakes_at() == transcript.now_s + 1


@pytest.mark.rule(69, 73)
@pytest.mark.parametrize("short", ["CDS", "EDS", "RDS", "SDS"])
def test_every_type_is_tried_again(short: str) -> None:
    """A cluster is refused where a file that it names is missing, and no longer when the file is there."""
    first = f"→ {short}" if short == "CDS" else f"→ {short} sub[a]"
    play(f"""
        SET {short}[a]
        {first}
        ← {short} res[a]
        nack Unable to read file: /etc/ca.pem
        ∅
        wait 1
        ← {short} res[a]
        ack
        wait 60
        ∅
    """)


@pytest.mark.rule(77)
def test_answer_to_a_try_may_be_lost() -> None:
    """It is waited for like any other."""
    play(TAKEN + "wait 1\n← LDS res[x:80]\nwait 9.9\n∅\nwait 0.1\n← LDS res[x:80]\nack\n∅")


def test_try_awaits_the_ack_of_a_push() -> None:
    """One push at a time, and a try is one."""
    play(TAKEN + "SET LDS[x:80, z:82@h2]\n← LDS res[z:82@h2]\nwait 1\n∅\nack\n← LDS res[x:80]\nack")


@pytest.mark.parametrize("change", ["SET LDS[x:80]\n← LDS rem[z]", "SET LDS[x:80, z:83]\n← LDS res[z:83]"])
def test_try_comes_at_once_where_another_of_the_type_changed(change: str) -> None:
    """The Listener that had the port may have gone, or left it."""
    waited = "".join(f"wait {step_s}\n← LDS res[x:80]\nnack {BIND}\n" for step_s in (1, 2, 4))
    play(f"{TAKEN}{waited}∅\nwait 2\n{change}\n∅\nack\n← LDS res[x:80]\nack\n∅")


def test_tries_are_a_second_apart_however_fast_things_change() -> None:
    """Endpoints change all the time, and what is bad is not sent with each change of the others."""
    transcript = play("SET EDS[a,b]\n→ EDS sub[a]\n← EDS res[a]\nnack malformed\n→ EDS sub[b]\n← EDS res[b]\nack\n∅")
    for number in range(9):
        transcript.play(f"wait 0.1\nSET EDS[a,b@v{number}]\n← EDS res[b@v{number}]\nack\n∅")
    transcript.play("wait 0.2\n← EDS res[a]\nnack malformed\n∅")


def test_try_comes_soon_where_a_child_changed() -> None:
    """It may be what was missing."""
    transcript = play(
        "SET RDS[r] LDS[L(RDS:r)]\n→ LDS\n→ RDS sub[r]\n← LDS res[L]\n← RDS res[r]\nack RDS\nnack LDS: no"
    )
    for step_s in (1, 2, 4):
        transcript.play(f"wait {step_s}\n← LDS res[L]\nnack no\n∅")
    transcript.play("wait 2\nSET RDS[r@h2]\n← RDS res[r@h2]\nack\n← LDS res[L]\nack\n← RDS res[r@h2]\nack\n∅")


def test_children_follow_a_try_only_where_it_is_taken() -> None:
    """Good resources are not sent again and again for one that is bad; a Listener is taken before it has them."""
    transcript = play(
        "SET RDS[r] LDS[L(RDS:r)]\n→ LDS\n→ RDS sub[r]\n← LDS res[L]\n← RDS res[r]\nack RDS\nnack LDS: no"
    )
    transcript.play("wait 1\n← LDS res[L]\n∅\nnack no\n∅\nwait 2\n← LDS res[L]\n∅\nack\n← RDS res[r]\nack\n∅")


@pytest.mark.rule(70)
def test_another_version_is_sent_at_once_and_has_its_own_tries() -> None:
    """What was refused says nothing of what comes after it."""
    waited = "".join(f"wait {step_s}\n← LDS res[x:80]\nnack {BIND}\n" for step_s in (1, 2, 4))
    other = f"SET LDS[x:81, z:82]\n← LDS res[x:81]\nnack {BIND}\nwait 1\n← LDS res[x:81]\nack"
    play(TAKEN + waited + other)


def test_what_is_gone_is_not_tried() -> None:
    """Nor does it wake the stream."""
    transcript = play(TAKEN + "SET LDS[z:82]\n← LDS rem[x]\nack\nwait 60\n∅")
    assert transcript.session.wakes_at() is None


def test_what_is_not_wanted_any_more_is_not_tried() -> None:
    """A client that has dropped the name refuses nothing."""
    play("SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nnack bad\n→ RDS unsub[A]\nwait 60\n∅")


def test_somebody_who_knows_that_the_cause_is_gone_does_not_wait() -> None:
    """What was refused goes out at once, and nothing else."""
    transcript = play(TAKEN)
    for step_s in (1, 2, 4, 8):
        transcript.play(f"wait {step_s}\n← LDS res[x:80]\nnack {BIND}")
    assert transcript.session.try_again(transcript.now_s) == 1
    transcript.play("← LDS res[x:80]\nack\n∅")
    assert transcript.session.try_again(transcript.now_s) == 0
    transcript.play("∅")


def test_new_stream_begins_anew() -> None:
    """A client that comes back is sent what it does not report, and what it refuses then is pending again."""
    transcript = Transcript()
    transcript.play(f"""
        SET LDS[x:80, z:82]
        → LDS irv{{z:h1+82}}
        ← LDS res[x:80]
        nack {BIND}
        ∅
        wait 1
        ← LDS res[x:80]
        ack
    """)


def test_refusal_in_company_is_not_certain() -> None:
    """People are told of what is refused alone, or by name."""
    transcript = play("SET RDS[A,B]\n→ RDS sub[A,B]\n← RDS res[A,B]\nnack malformed\n← RDS res[A]\n← RDS res[B]")
    assert transcript.session.pending() == ()
    transcript.play("→ RDS nonce=2 err{malformed}\n→ RDS nonce=3")
    pending = [(one.resource.name, one.message, one.tries) for one in transcript.session.pending()]
    assert pending == [("A", "malformed", 1)]
    assert transcript.status("RDS").state.value == "NACKED"


def test_status_stays_while_a_try_is_out() -> None:
    """It does not look well for as long as the answer takes."""
    transcript = play(TAKEN + "wait 1\n← LDS res[x:80]\n∅")
    assert transcript.resource("LDS", "x").error == BIND
    assert transcript.status("LDS").state.value == "NACKED"
    assert [one.resource.type_url for one in transcript.session.pending()] == [LISTENER]
