"""The candidate: what some nodes are served before all are, and what becomes of it. Pure.

    put ----------> LIVE         served to its nodes, beside the head, after which it comes
    LIVE ---------> promoted     its record is the head, and nothing stands at the key any more
    LIVE ---------> TAKEN BACK   served to nobody; it stays at the key with the reason, for people
    LIVE, TAKEN BACK -- anything is published, or rolled back to --> nothing stands at the key any more
    TAKEN BACK ---- another one is put ----------------------------> that one is LIVE

There is one at a time. Each step is one transaction that has the key unchanged since it was looked at: so of several
that would do something, one does. A candidate comes after the generation that was in force when it was put, and has no
place among those that are kept: the number that it has is that of another one where it is not promoted.

It is JSON in one line. What is not known here in one of the same format is passed over; of another format nothing is
believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from egxds.cut_text import cut
from egxds.etcd.operations import KeyValue, WatchNews
from egxds.published.generation import Generation
from egxds.published.layout import Layout
from egxds.published.record import MOST_AUTHOR_CHARACTERS, Record, first_fault
from egxds.shown_text import shown

LARGEST_CANDIDATE_BYTES = 400 * 1024
"""It goes to etcd together with 1 MiB of what it leads to."""

LARGEST_PUT_BYTES = LARGEST_CANDIDATE_BYTES - 4 * 1024
"""Of one that is put: it has to be readable with the reason for which it is taken back, too."""

MOST_NODES = 1000
MOST_NODE_CHARACTERS = 256
MOST_REASON_CHARACTERS = 400
LONGEST_WAIT_S = 30 * 24 * 60 * 60
USUAL_WAIT_S = 10 * 60

_ROOM = 32
"""Characters by which something that is cut says how long it was."""

_Node = Annotated[str, StringConstraints(min_length=1, max_length=MOST_NODE_CHARACTERS)]


class CandidateError(ValueError):
    """What stands at a key is no candidate, or cannot be one; the message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)


class TakenBack(_Part):
    """Why a candidate is served to nobody any more.

    Attributes:
        why: the reason.
        at: when, by the clock of whoever took it back.
        by: who: the name of a replica, or of a person.
    """

    why: Annotated[str, Field(max_length=MOST_REASON_CHARACTERS)]
    at: AwareDatetime
    by: Annotated[str, Field(max_length=MOST_AUTHOR_CHARACTERS)]


class Candidate(_Part):
    """A generation that is not in force yet, and for whom it is.

    Attributes:
        written_as: the format; there is one.
        record: the generation; its parent is the one in force.
        nodes: ids of the nodes that are served it.
        promote_after_s: seconds without a fault after which it comes into force by itself; 0 for by somebody's word.
        taken_back: why it is served to nobody; None while it is served.
    """

    written_as: Annotated[Literal[1], Field(alias="format")] = 1
    record: Record
    nodes: Annotated[tuple[_Node, ...], Field(min_length=1, max_length=MOST_NODES)]
    promote_after_s: Annotated[int, Field(ge=0, le=LONGEST_WAIT_S)] = USUAL_WAIT_S
    taken_back: TakenBack | None = None

    @model_validator(mode="after")
    def _comes_right_after_parent(self) -> Candidate:
        if self.record.generation != self.record.parent + 1:
            raise ValueError("record: comes right after its parent")
        return self

    @model_validator(mode="after")
    def _nodes_are_in_order(self) -> Candidate:
        if list(self.nodes) != sorted(set(self.nodes)):
            raise ValueError("nodes: each once, in their order")
        return self

    @property
    def is_live(self) -> bool:
        """Whether it is to be served."""
        return self.taken_back is None

    def comes_after(self, head: Record | None) -> bool:
        """Tell whether a generation is the one that it comes after."""
        return self.record.parent == (head.generation if head is not None else 0)

    def encode(self) -> bytes:
        """Return it as it is stored."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


@dataclass(frozen=True, slots=True)
class FoundCandidate:
    """What stands at the key of the candidate.

    Attributes:
        candidate: it; None where there is none, or what is there cannot be read.
        put_at: revision of the change that put it there; 0 for none.
        fault: why what stands there cannot be read; empty where it can, or nothing is there.
    """

    candidate: Candidate | None = None
    put_at: int = 0
    fault: str = ""

    @property
    def live(self) -> Candidate | None:
        """It, where it is to be served."""
        return self.candidate if self.candidate is not None and self.candidate.is_live else None


NO_CANDIDATE = FoundCandidate()


@dataclass(frozen=True, slots=True)
class FollowedCandidate:
    """A candidate in memory, whole.

    Attributes:
        candidate: it.
        generation: its files; what they have in common with those in force are the same objects.
        put_at: revision of the change that put it there.
    """

    candidate: Candidate
    generation: Generation = field(repr=False)
    put_at: int


def taken_back(candidate: Candidate, why: str, at: datetime, by: str) -> Candidate:
    """Return a candidate as one that is served to nobody.

    Args:
        candidate: as it was.
        why: the reason; cut where it is too long, and shown in one line, as `by` is.
        at: when.
        by: who does it: the name of a replica, or of a person.
    """
    reason = cut(shown(why), MOST_REASON_CHARACTERS - _ROOM)
    said = TakenBack(why=reason, at=at, by=cut(shown(by), MOST_AUTHOR_CHARACTERS - _ROOM))
    return candidate.model_copy(update={"taken_back": said})


def decoded_candidate(content: bytes) -> Candidate:
    """Return what a candidate says.

    Args:
        content: as it is stored.

    Raises:
        CandidateError: it is none.
    """
    if len(content) > LARGEST_CANDIDATE_BYTES:
        raise CandidateError(f"a candidate has at most {LARGEST_CANDIDATE_BYTES} bytes, and this one {len(content)}")
    try:
        return Candidate.model_validate_json(content)
    except ValidationError as err:
        raise CandidateError(first_fault(err)) from err


def found_candidate(found: tuple[KeyValue, ...]) -> FoundCandidate:
    """Return what was found at the key of the candidate; nothing where nothing is there."""
    if not found:
        return NO_CANDIDATE
    try:
        return FoundCandidate(decoded_candidate(found[0].value), found[0].mod_revision)
    except CandidateError as err:
        return FoundCandidate(None, found[0].mod_revision, f"is no candidate: {err}")


def told_candidate(news: WatchNews, layout: Layout, known: FoundCandidate, looked_at: int) -> FoundCandidate | None:
    """Return what stands at the key of the candidate after what a watch tells; None where that is to be looked up.

    That is so where it was put and removed meanwhile, since it is not told in which order.

    Args:
        news: of the head and the candidate.
        layout: where these stand.
        known: what was known before.
        looked_at: revision at which they were looked at last, before which nothing is news.
    """
    put = tuple(each for each in news.put if each.key == layout.candidate)
    is_removed = layout.candidate in news.deleted
    if news.revision <= looked_at or not (put or is_removed):
        return known
    if put and is_removed:
        return None
    if is_removed:
        return NO_CANDIDATE
    return found_candidate(put[-1:]) if put[-1].mod_revision > looked_at else known
