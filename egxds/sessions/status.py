"""What a session tells about itself. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """How far one resource got on one stream; a version is empty where there is none.

    Attributes:
        sent_version: what the client was sent last, or reported to hold; empty after a removal.
        acked_version: what it took last on this stream.
        nacked_version: what it refused since then, alone or in company.
        error: what it said to that.
        sources: the objects that what it refused was made from.
    """

    sent_version: str = ""
    acked_version: str = ""
    nacked_version: str = ""
    error: str = ""
    sources: Sequence[ObjectKey] = ()


class SyncState(enum.Enum):
    """How one type stands on one stream.

    NOT_SENT: nothing was sent yet, and there is something to send, or it is not known.
    SYNCED: the client took everything that there is for it.
    STALE: something is not sent, or not answered yet.
    NACKED: the client refused what it was sent last.
    """

    NOT_SENT = "NOT_SENT"
    SYNCED = "SYNCED"
    STALE = "STALE"
    NACKED = "NACKED"


class Uptake(enum.Enum):
    """What became of one version of a resource on one stream, or of its removal.

    NOT_ASKED: the client does not ask for it. NOT_TAKEN: it is not sent, or not answered, or refused.
    """

    NOT_ASKED = "not asked"
    NOT_TAKEN = "not taken"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class TypeStatus:
    """How one type is doing on one stream.

    Attributes:
        type_url: the type.
        state: all of it in a word.
        is_wildcard: the client wants everything.
        subscribed: how many names it asked for one by one.
        last_sent_nonce: of the newest response; empty before the first.
        last_acked_nonce: of the newest response that it took.
        sent: responses so far.
        acked: of those, taken.
        nacked: of those, refused.
        last_error: what the client said to the newest refusal.
        last_acked_at_s: when it took a response last, in monotonic seconds; None before the first.
        resources: name → status, of every resource that the client was told about.
    """

    type_url: str
    state: SyncState
    is_wildcard: bool
    subscribed: int
    last_sent_nonce: str
    last_acked_nonce: str
    sent: int
    acked: int
    nacked: int
    last_error: str
    last_acked_at_s: float | None
    resources: Mapping[str, ResourceStatus]
