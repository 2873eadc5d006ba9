"""What is remembered beside the snapshots."""

from __future__ import annotations

from egxds.inspect.status import MAX_NACKS, NackRecord, StatusStore
from egxds.names import CLUSTER


def record(message: str, nonce: str = "1") -> NackRecord:
    """Return a refusal."""
    return NackRecord("n1", CLUSTER, nonce, (), 0, message, 0.0)


def test_readiness_is_told() -> None:
    """Subscribers hear of every step, and no more once they have left."""
    status = StatusStore()
    heard: list[int] = []

    def hear() -> None:
        heard.append(len(status.not_ready()))

    status.subscribe(hear)
    status.mark_bound()
    status.mark_loaded()
    status.unsubscribe(hear)
    status.unsubscribe(hear)
    status.mark_loaded()
    assert heard == [1, 0]


def test_refusals_are_bounded() -> None:
    """The oldest make room; one that comes again is new again."""
    status = StatusStore()
    for number in range(MAX_NACKS):
        status.record_nack(record(f"{number}"))
    again = status.record_nack(record("0", nonce="2"))
    status.record_nack(record("last"))
    messages = [one.message for one in status.nacks()]
    assert again.times == 2
    assert len(messages) == MAX_NACKS
    assert messages[:2] == ["last", "0"]
    assert "1" not in messages
