"""What a slow client gets, and how fast clusters come: rules 81, 89 and 109."""

import pytest

from egxds.sessions.pacing import SEQUENCE_LIMIT_S
from tests.transcripts.driver import Transcript, play

SERVED = """
    SET CDS[c] LDS[l] RDS[r]
    → CDS
    ← CDS res[c]
    ack
    → LDS
    ← LDS res[l]
    ack
    → RDS sub[r]
    ← RDS res[r]
    ack
"""


@pytest.mark.rule(109)
def test_slow_reader_gets_its_routes_though_clusters_change_all_the_time() -> None:
    """Every response takes longer to read than the next change takes to come: the order of types is finished anyway."""
    transcript = Transcript().play(SERVED)
    types: list[str] = []
    for index in range(12):
        transcript.step(f"SET CDS[c@v{index}] LDS[l@v{index}] RDS[r@v{index}]")
        response = transcript.session.next_response(transcript.now_s)
        assert response is not None
        types.append(response.type_url.rpartition(".")[2])
        transcript.step(f"→ {transcript.short(response)} nonce={response.nonce}")
        transcript.step(f"wait {SEQUENCE_LIMIT_S * 0.6}")
    assert {"Cluster", "Listener", "RouteConfiguration"} <= set(types[:5])
    assert set(types[5:10]) == set(types[:5])


@pytest.mark.rule(81, 109)
def test_routes_of_a_slow_reader_are_those_of_its_clusters() -> None:
    """What is finished is one snapshot, not the newest routes behind older clusters."""
    play(
        SERVED
        + """
        SET CDS[c@2] RDS[r@2]
        ← CDS res[c@2]
        wait 1
        SET CDS[c@3] RDS[r@3]
        ← RDS res[r@2]
        ack
        ← CDS res[c@3]
        ← RDS res[r@3]
    """
    )


CLUSTERS = ",".join(f"c{index:03}" for index in range(500))


def _changed(version: str) -> str:
    return ",".join(f"{name}@{version}" for name in CLUSTERS.split(","))


@pytest.mark.rule(89)
def test_large_changes_of_clusters_keep_a_distance() -> None:
    """Envoy is busy with 500 clusters for a while; what else changes meanwhile comes with the next ones."""
    transcript = play(f"SET CDS[{CLUSTERS}]\n→ CDS\n← CDS res[{CLUSTERS}]\nack\nwait 1")
    transcript.play(f"""
        SET CDS[{_changed("v2")}]
        ← CDS res[{_changed("v2")}]
        SET CDS[{_changed("v3")}]
        ∅
    """)
    assert transcript.session.wakes_at() == pytest.approx(transcript.now_s + 0.1)
    transcript.play(f"""
        SET CDS[{_changed("v4")}]
        ∅
        wait 0.1
        ← CDS res[{_changed("v4")}]
    """)


@pytest.mark.rule(89)
def test_what_is_not_about_clusters_does_not_wait() -> None:
    """Routes, endpoints and answers go out while Envoy is busy."""
    play(f"""
        SET CDS[{CLUSTERS}] RDS[r] EDS[e]
        → CDS
        ← CDS res[{CLUSTERS}]
        → RDS sub[r]
        ← RDS res[r]
        ack
        SET RDS[r@2]
        ← RDS res[r@2]
        → EDS sub[e]
        ← EDS res[e]
        SET CDS[c000]
        → CDS sub[c000]
        ← CDS res[c000]
        wait 0.1
        ∅
        ack RDS
        ← CDS rem[{CLUSTERS.removeprefix("c000,")}]
    """)


@pytest.mark.rule(89)
def test_few_clusters_do_not_wait() -> None:
    """A change of a few is nothing that Envoy would be busy with."""
    play("SET CDS[a]\n→ CDS\n← CDS res[a]\nSET CDS[a@2]\n← CDS res[a@2]\nSET CDS[a@3]\n← CDS res[a@3]")


@pytest.mark.rule(11, 89)
def test_pause_does_not_outlive_what_there_is_to_send() -> None:
    """Where it is no longer known what the client is to hold, nothing waits; where it is known again, nothing does."""
    transcript = play(f"SET CDS[{CLUSTERS}]\n→ CDS\n← CDS res[{CLUSTERS}]\nSET CDS[a]\n∅\nSET nothing\n∅")
    assert transcript.session.wakes_at() is None
    transcript.play(f"SET CDS[{CLUSTERS}]\n∅")
