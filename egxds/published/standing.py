"""How the following of a store stands, for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.published.candidate import Candidate
from egxds.published.followed import Followed


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are.

    Attributes:
        in_memory: the generation that was handed on last; None before there is one of which that is known.
        cluster_id: which store answered last.
        is_connected: whether the store answers.
        is_at_head: whether what it holds is in memory, as far as it is known.
        fault: why it does not.
        heard_at_s: when it said something last, in seconds since 1970; 0 for never.
        followed_since: revision from which on what it says is heard when it happens; 0 before it has said something.
        lost_at_s: since when it does not answer, likewise; 0 where it does.
        refused: why the generation at its head is not taken; empty where it is.
        gone_back: why what it holds is not followed without somebody's word; empty where it is.
        candidate: what stands in the store for some nodes first, also where it was taken back; None for nothing.
        candidate_put_at: revision of the change that put it there; 0 where there is none.
        candidate_fault: why it is not served here though it is to be; empty where it is, or is not to be.
    """

    in_memory: Followed | None = None
    cluster_id: int = 0
    is_connected: bool = False
    is_at_head: bool = False
    fault: str = ""
    heard_at_s: float = 0.0
    followed_since: int = 0
    lost_at_s: float = 0.0
    refused: str = ""
    gone_back: str = ""
    candidate: Candidate | None = None
    candidate_put_at: int = 0
    candidate_fault: str = ""
