"""How far a candidate has come, by what replicas say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from egxds.fleet.canary_uptake import canary_uptake
from egxds.fleet.record import CanaryStand, ReplicaRecord

SERVED = "a" * 64


def _replica(name: str, stand: CanaryStand | None = None, **more: Any) -> ReplicaRecord:
    known = {"instance": "0" * 16, "since": datetime(2026, 1, 1, tzinfo=UTC), "is_ready": True}
    return ReplicaRecord(name=name, canary=stand, **{**known, **more})


def _stand(connected: int = 0, taken: int = 0, refused: int = 0, **more: Any) -> CanaryStand:
    known = {"put_at": 7, "generation": 5, "is_settled": True, "served": SERVED, **more}
    return CanaryStand(connected=connected, taken=taken, refused=refused, **known)


@pytest.mark.parametrize(
    ("records", "said", "is_over", "is_taken"),
    [
        ([], "no canary node is connected to any of 0 replicas", False, False),
        ([_replica("a", _stand())], "no canary node is connected to any of 1 replicas", False, False),
        (
            [_replica("a", _stand(1, 1)), _replica("b", _stand())],
            "1 of 1 canary nodes on 2 replicas have it",
            True,
            True,
        ),
        ([_replica("a", _stand(2, 1))], "1 of 2 canary nodes on 1 replicas have it", False, False),
        (
            [_replica("a", _stand(1, 1)), _replica("b")],
            "1 of 1 canary nodes on 2 replicas have it, 1 of 2 replicas are behind",
            False,
            False,
        ),
        (
            [_replica("a", _stand(1, 1)), _replica("b", is_draining=True)],
            "1 of 1 canary nodes on 2 replicas have it",
            True,
            True,
        ),
        (
            [_replica("a", _stand(1, 1)), _replica("b", _stand(put_at=6))],
            "1 of 1 canary nodes on 2 replicas have it, 1 of 2 replicas are behind",
            False,
            False,
        ),
        (
            [_replica("a", _stand(1, 1, fault="it cannot be built"))],
            "1 of 1 canary nodes on 1 replicas have it, 1 of 1 replicas are behind",
            False,
            False,
        ),
        (
            [_replica("a", _stand(2, 1, 1)), _replica("b")],
            "1 of 2 canary nodes on 2 replicas have it, 1 refuse it, 1 of 2 replicas are behind",
            True,
            False,
        ),
    ],
)
def test_how_far(records: list[ReplicaRecord], said: str, *, is_over: bool, is_taken: bool) -> None:
    """What is waited for, and what that comes to."""
    uptake = canary_uptake(records, 7)
    assert (str(uptake), uptake.is_over, uptake.is_taken) == (said, is_over, is_taken)
