"""Children are sent again behind their parents, which wait for them: rules 84 and 85."""

import pytest

from tests.transcripts.driver import play


@pytest.mark.rule(84)
def test_endpoints_follow_their_cluster() -> None:
    """Envoy waits for the endpoints of a changed cluster, and does not ask for them."""
    play("""
        SET CDS[X(EDS:X)] EDS[X@e1]
        → CDS
        ← CDS res[X]
        ack
        → EDS sub[X]
        ← EDS res[X@e1]
        ack
        SET CDS[X@h2(EDS:X)]
        ← CDS res[X@h2] n3
        ← EDS res[X@e1] n4
        ack
    """)


@pytest.mark.rule(84)
def test_endpoints_follow_a_second_cluster() -> None:
    """A new cluster that shares the endpoints of another waits for them too."""
    play("""
        SET CDS[X(EDS:E)] EDS[E]
        → CDS
        ← CDS res[X]
        ack
        → EDS sub[E]
        ← EDS res[E]
        ack
        SET CDS[X(EDS:E),Y(EDS:E)]
        ← CDS res[Y]
        ← EDS res[E]
    """)


@pytest.mark.rule(84)
def test_secrets_follow_what_uses_them() -> None:
    """Right behind the parent: those of a cluster before the Listeners, those of a Listener before what comes after."""
    play("""
        SET CDS[c(SDS:ca EDS:c)] EDS[c] LDS[l(SDS:cert RDS:r)] RDS[r] SDS[ca,cert]
        → CDS
        ← CDS res[c]
        ack
        → EDS sub[c]
        ← EDS res[c]
        ack
        → LDS
        ← LDS res[l]
        ack
        → RDS sub[r]
        ← RDS res[r]
        ack
        → SDS sub[ca,cert]
        ← SDS res[ca,cert]
        ack
        SET CDS[c@2(SDS:ca EDS:c)] LDS[l@2(SDS:cert RDS:r)]
        ← CDS res[c@2]
        ← EDS res[c]
        ← SDS res[ca]
        ← LDS res[l@2]
        ← RDS res[r]
        ← SDS res[cert]
    """)


@pytest.mark.rule(84, 76)
def test_children_do_not_wait_for_an_ack() -> None:
    """Endpoints that are due behind their cluster go out though others are not ACKed; changed ones still wait."""
    play("""
        SET CDS[X(EDS:X)] EDS[W,X]
        → CDS
        ← CDS res[X]
        ack
        → EDS sub[W,X]
        ← EDS res[W,X] n2
        SET CDS[X@2(EDS:X)] EDS[W@2,X]
        ← CDS res[X@2]
        ← EDS res[X]
        ack
        ∅
        → EDS nonce=2
        ← EDS res[W@2]
    """)


@pytest.mark.rule(84, 69)
def test_refused_child_does_not_follow_its_parent() -> None:
    """The same version would be refused again."""
    play("""
        SET CDS[X(EDS:X)] EDS[X]
        → CDS
        ← CDS res[X]
        ack
        → EDS sub[X]
        ← EDS res[X]
        nack malformed
        SET CDS[X@2(EDS:X)]
        ← CDS res[X@2]
        ∅
        SET CDS[X@3(EDS:X)] EDS[X@2]
        ← CDS res[X@3]
        ← EDS res[X@2]
    """)


@pytest.mark.rule(84, 73)
def test_child_whose_second_trial_is_under_way_follows_its_parent() -> None:
    """It was refused in company and goes out alone; its parent, which comes then, waits for it all the same."""
    play("""
        SET LDS[L] SDS[bad,s]
        → LDS
        ← LDS res[L]
        ack
        → SDS sub[bad,s]
        ← SDS res[bad,s]
        nack malformed
        ← SDS res[bad]
        ← SDS res[s]
        SET LDS[L@2(SDS:s)]
        ← LDS res[L@2]
        ← SDS res[s]
    """)


@pytest.mark.rule(85)
def test_only_children_of_changed_parents_follow() -> None:
    """One cluster of three changes: one set of endpoints, once, though it changed too."""
    play("""
        SET CDS[A(EDS:A),B(EDS:B),C(EDS:C)] EDS[A,B,C]
        → CDS
        ← CDS res[A,B,C]
        ack
        → EDS sub[A,B]
        ← EDS res[A,B]
        ack
        SET CDS[A(EDS:A),B@2(EDS:B),C(EDS:C)] EDS[A,B@2,C]
        ← CDS res[B@2]
        ← EDS res[B@2]
        ack
        ∅
        SET CDS[A(EDS:A),B@2(EDS:B),C@2(EDS:C)]
        ← CDS res[C@2]
    """)


@pytest.mark.rule(84)
def test_child_that_comes_back_follows_its_parent() -> None:
    """It was away when its parent was sent, which waits for it, and its removal waited: the same version is news."""
    play("""
        SET CDS[X(EDS:X)] EDS[X] RDS[r]
        → CDS
        ← CDS res[X]
        ack
        → EDS sub[X]
        ← EDS res[X]
        ack
        → RDS sub[r]
        ← RDS res[r]
        SET CDS[X@2(EDS:X)] EDS[]
        ← CDS res[X@2]
        ∅
        SET EDS[X]
        ← EDS res[X]
    """)


@pytest.mark.rule(84)
def test_child_that_was_away_for_a_moment_follows_its_parent() -> None:
    """It was away when its parent was sent, and is back before its removal could be: all as at the last push."""
    play("""
        SET CDS[X(EDS:X)] EDS[X]
        → CDS
        ← CDS res[X]
        ack
        → EDS sub[X]
        ← EDS res[X]
        SET CDS[X@2(EDS:X)] EDS[]
        ← CDS res[X@2]
        ∅
        SET EDS[X]
        ack EDS
        ← EDS res[X]
    """)


@pytest.mark.rule(85)
def test_child_that_does_not_exist_does_not_follow() -> None:
    """The client was told; it is not told again."""
    play("""
        SET CDS[A(EDS:A)] EDS[]
        → CDS
        ← CDS res[A]
        → EDS sub[A]
        ← EDS rem[A]
        ack
        SET CDS[A@2(EDS:A)]
        ← CDS res[A@2]
    """)
