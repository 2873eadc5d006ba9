"""Order across types, removals last, response contents: rules 81 to 83 and 86 to 96."""

import pytest

from tests.transcripts.driver import Transcript, play

ALL = """
    SET CDS[c] EDS[e] LDS[l] RDS[r] SDS[s] RTDS[t]
    → SDS sub[s]
    → RTDS sub[t]
    → RDS sub[r]
    → LDS
    → EDS sub[e]
    → CDS
    ← CDS res[c]
    ack
    ← EDS res[e]
    ack
    ← LDS res[l]
    ack
    ← RDS res[r]
    ack
    ← SDS res[s]
    ack
    ← RTDS res[t]
    ack
"""


@pytest.mark.rule(81)
def test_one_snapshot_is_one_sequence() -> None:
    """Clusters, endpoints, Listeners, routes, then the rest."""
    play(
        ALL
        + """
        SET CDS[c@2] EDS[e@2] LDS[l@2] RDS[r@2] SDS[s@2] RTDS[t@2]
        ← CDS res[c@2]
        ← EDS res[e@2]
        ← LDS res[l@2]
        ← RDS res[r@2]
        ← SDS res[s@2]
        ← RTDS res[t@2]
    """
    )


@pytest.mark.rule(81, 12)
def test_newer_snapshot_starts_the_sequence_anew() -> None:
    """No route is sent from a snapshot whose clusters were not."""
    play(
        ALL
        + """
        SET CDS[c@2] RDS[r@2]
        ← CDS res[c@2]
        SET CDS[c@2,d] RDS[r@3]
        ← CDS res[d]
        ← RDS res[r@3]
    """
    )


MOVED = """
    SET CDS[X(EDS:X)] EDS[X] RDS[rt]
    → CDS
    ← CDS res[X]
    ack
    → EDS sub[X]
    ← EDS res[X]
    ack
    → RDS sub[rt]
    ← RDS res[rt]
    ack
    SET CDS[Y(EDS:Y)] EDS[Y] RDS[rt@toY]
    ← CDS res[Y]
    → EDS sub[Y]
    ← EDS res[Y]
    ack
    ← RDS res[rt@toY]
    ∅
"""


@pytest.mark.rule(82, 83, 87)
def test_removals_come_last() -> None:
    """Clusters and endpoints go only after the client took the routes that no longer use them."""
    play(MOVED + "ack RDS\n← CDS rem[X]\nack\n← EDS rem[X]\nack")


@pytest.mark.rule(83)
def test_removals_do_not_wait_for_ever() -> None:
    """Where the ACK does not come, they go after a while."""
    transcript = Transcript()
    for line in MOVED.splitlines():
        if line.strip():
            transcript.step(line.strip())
    assert transcript.session.wakes_at() == transcript.now_s + 10
    transcript.play("wait 10\n← CDS rem[X]\n← EDS rem[X]")


@pytest.mark.rule(83)
def test_removals_wait_while_the_routes_are_refused() -> None:
    """Envoy still routes to the old cluster until it takes a later version."""
    play(
        MOVED
        + """
        nack RDS: no such cluster
        ∅
        wait 60
        ← RDS res[rt@toY]
        nack no such cluster
        ∅
        SET RDS[rt@fixed]
        ← RDS res[rt@fixed]
        ∅
        ack
        ← CDS rem[X]
        ← EDS rem[X]
    """
    )


@pytest.mark.rule(83)
def test_removals_wait_while_a_listener_is_refused() -> None:
    """The same for what a Listener refers to."""
    play("""
        SET CDS[X,Y] LDS[L]
        → CDS
        ← CDS res[X,Y]
        ack
        → LDS
        ← LDS res[L]
        ack
        SET CDS[Y] LDS[L@bad]
        ← LDS res[L@bad]
        nack port in use
        ∅
        SET LDS[]
        ← LDS rem[L]
        ∅
        ack
        ← CDS rem[X]
    """)


@pytest.mark.rule(42, 83)
def test_removals_do_not_wait_for_routes_of_which_there_is_nothing_to_say() -> None:
    """They were asked for and do not exist: nothing goes out, and that settles it, without another request."""
    play("""
        → CDS irv{X:h1}
        → RDS sub[rt]
        SET CDS[] RDS[]
        ← CDS res[]
        ← CDS rem[X]
    """)


@pytest.mark.rule(73, 83)
def test_removals_do_not_wait_for_a_trial_that_is_called_off() -> None:
    """What was refused is not wanted any more when its second trial is due."""
    play("""
        SET CDS[X] RDS[r,s]
        → CDS
        ← CDS res[X]
        → RDS sub[r,s]
        ← RDS res[r,s]
        nack malformed
        → RDS unsub[r,s]
        SET CDS[]
        ← CDS rem[X]
    """)


@pytest.mark.rule(83)
def test_refusal_ends_with_the_subscription() -> None:
    """Routes that the client no longer wants hold nothing back."""
    play(MOVED + "nack RDS: bad\n∅\n→ RDS unsub[rt]\n← CDS rem[X]\n← EDS rem[X]")


@pytest.mark.rule(83)
def test_removal_is_called_off_where_the_name_comes_back() -> None:
    """Nothing is removed that exists again, and what is unchanged is not sent."""
    play(MOVED + "SET CDS[X(EDS:X),Y(EDS:Y)] EDS[X,Y]\n∅\nack RDS\n∅")


@pytest.mark.rule(83, 90)
def test_listener_removal_is_not_deferred() -> None:
    """An address moves to a new Listener in one response; otherwise both would want it."""
    play("""
        SET LDS[l1] RDS[r]
        → LDS
        → RDS sub[r]
        ← LDS res[l1]
        ack
        ← RDS res[r]
        SET LDS[l1b] RDS[r@2]
        ← LDS res[l1b] rem[l1]
    """)


@pytest.mark.rule(73, 83)
def test_companion_that_was_away_when_its_turn_came_is_sent_when_it_is_back() -> None:
    """It was refused for the sake of another, and its removal waited: the client may never have had it."""
    play("""
        SET CDS[] RDS[r]
        → CDS
        ← CDS res[]
        ack
        → RDS sub[r]
        ← RDS res[r]
        SET CDS[bad,c]
        ← CDS res[bad,c]
        SET CDS[]
        nack Invalid duration
        ∅
        SET CDS[c]
        ← CDS res[c]
    """)


@pytest.mark.rule(87)
def test_subscribe_in_the_middle_of_a_sequence_is_answered_at_once() -> None:
    """The rest of the sequence comes after it."""
    play(
        ALL
        + """
        SET CDS[c@2] EDS[e,f] LDS[l@2] RDS[r@2]
        ← CDS res[c@2]
        → EDS sub[f]
        ← EDS res[f]
        ← LDS res[l@2]
        ← RDS res[r@2]
    """
    )


@pytest.mark.rule(90)
def test_empty_resource_is_a_resource() -> None:
    """A cluster is emptied by endpoints that hold nothing, not by a removal."""
    play("SET EDS[X]\n→ EDS sub[X]\n← EDS res[X]\nack\nSET EDS[X@empty]\n← EDS res[X@empty]")


@pytest.mark.rule(91)
def test_response_has_the_type_of_its_resources() -> None:
    """Envoy refuses the whole response otherwise."""
    transcript = Transcript()
    transcript.step("SET CDS[A] RDS[r] foo.Bar[x]")
    for line in ("→ CDS", "→ RDS sub[r]", "→ foo.Bar sub[x]"):
        transcript.step(line)
    while response := transcript.session.next_response(transcript.now_s):
        assert {resource.type_url for resource in response.resources} == {response.type_url}


@pytest.mark.rule(93)
def test_snapshot_without_a_change_is_not_sent() -> None:
    """Equal content is no news, however new the snapshot is."""
    play(ALL + "SET CDS[c] EDS[e] LDS[l] RDS[r] SDS[s] RTDS[t]\n∅\nSET\n∅")
