"""Which generation something is, of which store, and whether another one comes after it. Pure.

A store only goes on: the numbers of its generations grow, and what a number stands for never changes. Where that is not
so it is another store, or one that was restored from a backup and holds what was in force some time ago. Nobody is to
be served that by itself: it may have taken days to notice what was wrong then.

    the store is another one than before (its cluster) -------------------> not after
    nothing is published any more ---------------------------------------> not after
    a lower number, or the same one with other files ---------------------> not after
    a higher one, but what is kept by our number has other files ---------> not after: the store was restored, and
                                                                            others have published since
    a higher one ---------------------------------------------------------> after
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from egxds.published.record import Record, RecordError, decoded_record

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Followed:
    """A generation of a store.

    Attributes:
        cluster_id: which store.
        record: the generation; None where nothing was published.
    """

    cluster_id: int
    record: Record | None

    @property
    def number(self) -> int:
        """The number of the generation; 0 for none."""
        return self.record.generation if self.record is not None else 0

    @property
    def digest(self) -> str:
        """The digest of all files; empty where there is no generation."""
        return self.record.digest if self.record is not None else ""

    @property
    def buckets(self) -> Mapping[str, str]:
        """Name of a bucket → its digest."""
        return self.record.buckets if self.record is not None else _NOTHING

    def encode(self) -> str:
        """Return it as text, to be kept."""
        record = self.record.encode().decode() if self.record is not None else ""
        return json.dumps({"cluster": f"{self.cluster_id:x}", "record": record})


def decoded_followed(text: str) -> Followed | None:
    """Return what was kept; None where it is no origin."""
    try:
        found = json.loads(text)
        record = decoded_record(found["record"].encode()) if found["record"] else None
        return Followed(int(found["cluster"], 16), record)
    except (AttributeError, LookupError, RecordError, TypeError, ValueError):
        return None


def why_not_after(known: Followed | None, found: Followed, kept: Record | None) -> str:
    """Say why what a store holds does not come after what is in force; nothing where it does, or is the same.

    Args:
        known: what is in force; None where nothing is known of that.
        found: what the store holds.
        kept: what the store has by the number of the one that is in force; None where it has it no more.
    """
    if known is None or known.record is None:
        return ""
    ours = f"generation {known.number} is in force here"
    if found.cluster_id != known.cluster_id:
        return (
            f"it is another store (cluster {found.cluster_id:x}) than the one that was followed "
            f"({known.cluster_id:x}), at {_named(found)}, and {ours}"
        )
    if found.number < known.number:
        return f"the store has gone back: it is at {_named(found)}, and {ours}"
    if found.number == known.number and found.digest != known.digest:
        return f"the store has gone back: its {_named(found)} is another one than the one that is in force here"
    if kept is not None and kept.digest != known.digest:
        return (
            f"the store has gone back, and others have published since: it is at {_named(found)}, and its "
            f"generation {known.number} is another one than the one that is in force here"
        )
    return ""


def _named(origin: Followed) -> str:
    return f"generation {origin.number}" if origin.record is not None else "no generation at all"
