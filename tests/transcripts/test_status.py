"""What a session tells about itself: rules 79 and 80."""

import pytest

from egxds.sessions.status import SyncState
from tests.transcripts.driver import Transcript

ONE_ROUTE = "SET RDS[A]\n→ RDS sub[A]\n← RDS res[A]\nack\n"


@pytest.mark.rule(79, 80)
def test_state_in_a_word() -> None:
    """Nothing sent, sent and not answered, taken, changed since, refused, sent anew, taken again."""
    transcript = Transcript()
    for lines, state in (
        ("SET RDS[A]\n→ RDS sub[A]", SyncState.NOT_SENT),
        ("← RDS res[A]", SyncState.STALE),
        ("ack", SyncState.SYNCED),
        ("SET RDS[A@2]", SyncState.STALE),
        ("← RDS res[A@2]\nnack no", SyncState.NACKED),
        ("SET RDS[A@3]\n← RDS res[A@3]", SyncState.STALE),
        ("ack", SyncState.SYNCED),
        ("SET RDS[A@3] CDS[c]", SyncState.SYNCED),
    ):
        for line in lines.splitlines():
            transcript.step(line)
        assert transcript.status("RDS").state is state, lines


@pytest.mark.rule(79)
def test_status_knows_when_the_client_last_took_something() -> None:
    """A refusal is no such time."""
    transcript = Transcript().play(ONE_ROUTE)
    assert transcript.status("RDS").last_acked_at_s == 100.0
    transcript.play("wait 5\nSET RDS[A@2]\n← RDS res[A@2]\nnack no")
    assert transcript.status("RDS").last_acked_at_s == 100.0


def test_status_before_anything_is_loaded() -> None:
    """There is nothing to send, and nothing was sent."""
    assert Transcript().play("→ RDS sub[A]").status("RDS").state is SyncState.NOT_SENT


def test_client_that_comes_back_with_everything() -> None:
    """It was sent nothing, and is in sync: it has been at a replica."""
    transcript = Transcript().play("SET RDS[A]\n→ RDS sub[A] irv{A:h1}")
    assert transcript.play("∅").status("RDS").state is SyncState.SYNCED
