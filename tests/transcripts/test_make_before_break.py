"""Routes wait for what they lead to: rules 81, 82 and 87, where Envoy has yet to ask for a new cluster's children."""

import pytest

from tests.transcripts.driver import Transcript, play

NEW = """
    SET CDS[X(EDS:X)] EDS[X] LDS[L] RDS[rt]
    → CDS
    ← CDS res[X]
    ack
    → EDS sub[X]
    ← EDS res[X]
    ack
    → LDS
    ← LDS res[L]
    ack
    → RDS sub[rt]
    ← RDS res[rt]
    ack
    SET CDS[Y(EDS:Y)] EDS[Y] LDS[L@h2] RDS[rt@toY]
    ← CDS res[Y]
    ∅
"""


REST = """
    → EDS sub[Y]
    ← EDS res[Y]
    ack
    ← LDS res[L@h2]
    ack
    ← RDS res[rt@toY]
    ∅
    ack
    ← CDS rem[X]
    ← EDS rem[X]
"""


@pytest.mark.rule(81, 82)
def test_routes_wait_for_endpoints() -> None:
    """Envoy fails what is routed to a cluster without endpoints; it asks for them once it has the cluster."""
    play(NEW + REST)


@pytest.mark.rule(81, 82)
def test_routes_wait_for_secrets_too() -> None:
    """A cluster that speaks TLS is not used before it has its certificates."""
    play("""
        SET CDS[X] EDS[] RDS[rt]
        → CDS
        ← CDS res[X]
        → RDS sub[rt]
        ← RDS res[rt]
        ack
        SET CDS[X,Y(EDS:Y SDS:ca)] EDS[Y] SDS[ca] RDS[rt@toY]
        ← CDS res[Y]
        → EDS sub[Y]
        ← EDS res[Y]
        ∅
        → SDS sub[ca]
        ← SDS res[ca]
        ← RDS res[rt@toY]
    """)


@pytest.mark.rule(87)
def test_who_asks_does_not_wait() -> None:
    """A RouteConfiguration that is asked for meanwhile is sent, and nothing but that."""
    play(NEW + "SET RDS[other,rt@toY]\n∅\n→ RDS sub[other]\n← RDS res[other]\nack" + REST)


@pytest.mark.rule(82)
def test_routes_do_not_wait_for_what_is_not_ours() -> None:
    """Endpoints that come from elsewhere are not asked for here."""
    play("""
        SET CDS[X] RDS[rt]
        → CDS
        ← CDS res[X]
        → RDS sub[rt]
        ← RDS res[rt]
        ack
        SET CDS[X,Y(EDS:Y)] RDS[rt@toY]
        ← CDS res[Y]
        ← RDS res[rt@toY]
    """)


@pytest.mark.rule(82)
def test_routes_do_not_wait_for_a_refused_cluster() -> None:
    """Envoy does not ask for what it refused needs."""
    play(NEW + "nack CDS: bad\n← LDS res[L@h2]\n← RDS res[rt@toY]")


@pytest.mark.rule(82)
def test_routes_do_not_wait_for_a_cluster_that_is_gone() -> None:
    """Nor for what a removed cluster needed."""
    play(NEW + "SET CDS[X(EDS:X)] EDS[X] LDS[L] RDS[rt]\n← CDS rem[Y]\nSET RDS[rt@h2]\n← RDS res[rt@h2]")


@pytest.mark.rule(82)
def test_routes_do_not_wait_for_ever() -> None:
    """After a while they go, whether or not the client asked."""
    transcript = Transcript()
    for line in filter(None, map(str.strip, NEW.splitlines())):
        transcript.step(line)
    assert transcript.session.wakes_at() == transcript.now_s + 10
    transcript.play("wait 10\n← LDS res[L@h2]\n← RDS res[rt@toY]")


HELD = """
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
"""

CHANGED = """
    SET CDS[X@2(EDS:X)]
    ← CDS res[X@2]
    ← EDS res[X]
    ack
    ack CDS
"""


@pytest.mark.rule(81, 82)
def test_time_of_a_new_cluster_is_its_own() -> None:
    """A cluster that became warm long ago, with no route due meanwhile, takes nothing from it."""
    play(f"""{HELD}{CHANGED}
        wait 60
        SET CDS[X@2(EDS:X),Y(EDS:Y)] EDS[X,Y] RDS[rt@toY]
        ← CDS res[Y]
        wait 9
        ∅
        → EDS sub[Y]
        ← EDS res[Y]
        ← RDS res[rt@toY]
    """)


@pytest.mark.rule(81, 82)
def test_time_of_a_cluster_that_changes_again_is_its_own() -> None:
    """It was warm before; that its endpoints are owed once more behind it does not make it cold since then."""
    play(f"""{HELD}{CHANGED}
        wait 9
        SET CDS[X@3(EDS:X),Y(EDS:Y)] EDS[X,Y] RDS[rt@toY]
        ← CDS res[X@3,Y]
        ← EDS res[X]
        wait 9
        ∅
        wait 1
        ← RDS res[rt@toY]
    """)


@pytest.mark.rule(81, 82)
def test_time_of_a_cluster_begins_after_the_limit_of_others() -> None:
    """Of those nothing is waited for any more, though they never became warm."""
    play(f"""{HELD}
        SET CDS[X(EDS:X),W(EDS:W)] EDS[W,X]
        ← CDS res[W]
        wait 60
        SET CDS[X(EDS:X),W(EDS:W),Y(EDS:Y)] EDS[W,X,Y] RDS[rt@toY]
        ← CDS res[Y]
        wait 9
        ∅
        wait 1
        ← RDS res[rt@toY]
    """)


@pytest.mark.rule(81, 82)
def test_time_is_not_extended_by_further_clusters() -> None:
    """Of clusters that warm together the first one counts, or constant change would keep routes back for ever."""
    play(f"""{HELD}
        SET CDS[X(EDS:X),W(EDS:W)] EDS[W,X] RDS[rt@toW]
        ← CDS res[W]
        wait 9
        SET CDS[X(EDS:X),W(EDS:W),Y(EDS:Y)] EDS[W,X,Y] RDS[rt@toY]
        ← CDS res[Y]
        ∅
        wait 1
        ← RDS res[rt@toY]
    """)


@pytest.mark.rule(81, 82)
def test_time_is_not_extended_where_all_become_warm_in_turn() -> None:
    """Whenever one is warm, the next one has gone out: routes that wait go all the same."""
    play(f"""{HELD}
        SET CDS[X(EDS:X),W(EDS:W)] EDS[W,X] RDS[rt@toW]
        ← CDS res[W]
        ∅
        wait 5
        → EDS sub[W]
        ← EDS res[W]
        SET CDS[X(EDS:X),W(EDS:W),Y(EDS:Y)] EDS[W,X,Y] RDS[rt@toY]
        ← CDS res[Y]
        ∅
        wait 5
        ← RDS res[rt@toY]
    """)


@pytest.mark.rule(81, 82)
def test_time_is_not_extended_at_its_end() -> None:
    """The next cluster goes out just then, and ahead of the routes that have waited for long enough."""
    play(f"""{HELD}
        SET CDS[X(EDS:X),W(EDS:W)] EDS[W,X] RDS[rt@toW]
        ← CDS res[W]
        ∅
        wait 10
        SET CDS[X(EDS:X),W(EDS:W),Y(EDS:Y)] EDS[W,X,Y] RDS[rt@toY]
        ← CDS res[Y]
        ← RDS res[rt@toY]
    """)
