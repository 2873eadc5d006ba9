"""Responses that are cut because a client takes none that is large: rule 108."""

import pytest

from egxds.sessions.delta_session import DeltaSession
from tests.transcripts.driver import Transcript


def limited() -> Transcript:
    """Start a stream whose responses have room for 250 bytes of resources."""
    return Transcript(session=DeltaSession(max_response_bytes=512 + 250))


@pytest.mark.rule(108)
def test_response_is_cut_into_parts() -> None:
    """Each has a nonce of its own and names of its own, and together they are all."""
    limited().play("""
        SET EDS[a#100,b#100,c#100,d#100,e#100]
        → EDS sub[a,b,c,d,e]
        ← EDS res[a,b] n1
        ← EDS res[c,d] n2
        ← EDS res[e] n3
        → EDS nonce=1
        → EDS nonce=2
        → EDS nonce=3
        ∅
    """)


@pytest.mark.rule(108)
def test_response_is_whole_without_a_limit() -> None:
    """Envoy takes any size."""
    Transcript().play("SET EDS[a#9000000,b#9000000]\n→ EDS sub[a,b]\n← EDS res[a,b]")


@pytest.mark.rule(108)
def test_resource_over_the_limit_goes_alone() -> None:
    """There is no smaller part to make of it."""
    limited().play("SET EDS[a#100,b#900,c#100]\n→ EDS sub[a,b,c]\n← EDS res[a]\n← EDS res[b]\n← EDS res[c]")


@pytest.mark.rule(108)
def test_removals_are_in_the_last_part() -> None:
    """What takes the place of a Listener that goes must not come after its removal."""
    limited().play("""
        SET LDS[a#100,b#100,c#100]
        → LDS
        ← LDS res[a,b]
        ← LDS res[c]
        → LDS nonce=1
        → LDS nonce=2
        SET LDS[d#100,e#100,f#100]
        ← LDS res[d,e]
        ← LDS res[f] rem[a,b,c]
        → LDS nonce=3
        → LDS nonce=4
        ∅
    """)


@pytest.mark.rule(108)
def test_removals_alone_are_cut_too() -> None:
    """Their names take room."""
    names = [f"{letter * 100}" for letter in "abc"]
    limited().play(f"""
        SET CDS[]
        → CDS irv{{{",".join(f"{name}:h1" for name in names)}}}
        ← CDS rem[{names[0]},{names[1]}]
        ← CDS rem[{names[2]}]
        ack
        ∅
    """)


@pytest.mark.rule(108, 84)
def test_no_other_type_comes_between_the_parts() -> None:
    """Neither children of the first part nor what was asked for meanwhile; and all parts are of one snapshot."""
    limited().play("""
        SET CDS[a#100(EDS:a),b#100(EDS:b),c#100(EDS:c)] EDS[a,b,c] LDS[]
        → EDS sub[a,b,c]
        ← EDS res[a,b,c]
        ack
        → CDS
        ← CDS res[a,b]
        → LDS
        SET CDS[a#100(EDS:a),b#100(EDS:b),c@2#100(EDS:c)]
        ← CDS res[c]
        ← EDS res[a,b,c]
        ← CDS res[c@2]
        ← EDS res[c]
        ← LDS res[]
    """)


@pytest.mark.rule(108, 31)
def test_answers_are_cut_too() -> None:
    """Also while a push is out, and what changed beside them still waits for its ACK."""
    limited().play("""
        SET RDS[a#100,b#100,c#100,d#100]
        → RDS sub[d]
        ← RDS res[d] n1
        SET RDS[a#100,b#100,c#100,d@2#100]
        → RDS sub[a,b,c]
        ← RDS res[a,b] n2
        ← RDS res[c] n3
        ∅
        → RDS nonce=1
        → RDS nonce=2
        → RDS nonce=3
        ← RDS res[d@2]
    """)


@pytest.mark.rule(108, 27)
def test_wildcard_asked_again_is_cut_too() -> None:
    """Everything is owed once more, part by part."""
    limited().play("""
        SET LDS[a#100,b#100,c#100]
        → LDS
        ← LDS res[a,b]
        ← LDS res[c]
        ack
        → LDS sub[*]
        ← LDS res[a,b]
        ← LDS res[c]
        ∅
    """)


@pytest.mark.rule(108, 52)
def test_what_was_dropped_between_the_parts_is_left_out() -> None:
    """The rest is made when it is sent."""
    limited().play("""
        SET EDS[a#100,b#100,c#100]
        → EDS sub[a,b,c]
        ← EDS res[a,b]
        → EDS unsub[c]
        ∅
    """)


@pytest.mark.rule(108, 73)
def test_companions_of_a_refused_cluster_come_behind_the_parts() -> None:
    """First what is left of the response, then what travelled with the refused one."""
    limited().play("""
        SET CDS[a#121,bad#10,c#121]
        → CDS
        ← CDS res[a,bad]
        nack Error adding/updating cluster(s) bad: no such filter
        ← CDS res[c]
        ← CDS res[a]
    """)


@pytest.mark.rule(108, 44)
def test_names_that_do_not_exist_are_cut_too() -> None:
    """Each is told once."""
    names = [f"{letter * 120}" for letter in "abc"]
    limited().play(f"""
        SET EDS[]
        → EDS sub[{",".join(names)}]
        ← EDS rem[{names[0]}]
        ← EDS rem[{names[1]}]
        ← EDS rem[{names[2]}]
        ack
        → EDS sub[{",".join(names[1:])}]
        ← EDS rem[{names[1]}]
        ← EDS rem[{names[2]}]
    """)
