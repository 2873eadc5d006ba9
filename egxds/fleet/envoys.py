"""Which Envoys are connected to a replica, and how each stands, in parts. Pure.

An Envoy is in the part that a hash of its id names, so that news of one Envoy rewrite a part, and a thousand of them
are some 32 parts of 2 kB. A part is JSON in one line, in which what many share is told once:

    {"gateways": ["default/web"], "refusals": ["…"], "envoys": [["edge-1", 0, "s"], ["edge-2", 0, "r", 3, [0]]]}

Where some are served a candidate, `"canary": ["edge-1"]` names them; who does not know of candidates passes that over.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from egxds.cut_text import cut, cut_identity
from egxds.fleet.record import EnvoyCounts
from egxds.shown_text import shown

PARTS = 32
MOST_REFUSALS = 3
"""What an Envoy refuses that is told by name; the rest is counted."""

LARGEST_PART_BYTES = 512 * 1024
_MOST_ID_CHARACTERS = 300
_MOST_GATEWAYS_CHARACTERS = 600
_MOST_REFUSAL_CHARACTERS = 500
_MOST_COUNT = 10**9


class EnvoyPartError(ValueError):
    """What stands at a key is no list of Envoys; the message says why."""


class Stand(enum.Enum):
    """How an Envoy stands; the values are what a part has."""

    IN_SYNC = "s"
    PENDING = "p"
    REFUSING = "r"


@dataclass(frozen=True, slots=True)
class EnvoyRow:
    """One Envoy.

    Attributes:
        id: of its node.
        gateways: those it is served, in a line; empty for none.
        stand: how it stands.
        refused: how many resources it refuses.
        refusals: the first of them: which, why, and where it stands in the files.
        is_canary: it is served a candidate.
    """

    id: str
    gateways: str
    stand: Stand
    refused: int = 0
    refusals: tuple[str, ...] = ()
    is_canary: bool = False


@dataclass
class _Shared:
    """Texts of a part that several Envoys have, each once."""

    texts: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, text: str, most: int) -> int:
        """Return where a text stands, in a length that a part has for it."""
        shortened = cut_identity(shown(text), most)
        if shortened not in self.places:
            self.places[shortened] = len(self.texts)
            self.texts.append(shortened)
        return self.places[shortened]


def part_of(node_id: str) -> str:
    """Return the name of the part that an Envoy is in."""
    return f"{hashlib.sha256(node_id.encode('utf-8', 'surrogatepass')).digest()[0] % PARTS:02x}"


def encoded_parts(rows: Iterable[EnvoyRow]) -> Mapping[str, bytes]:
    """Return what is stored of some Envoys: name of a part → its content; equal Envoys have equal bytes."""
    placed: defaultdict[str, list[EnvoyRow]] = defaultdict(list)
    for row in rows:
        placed[part_of(row.id)].append(row)
    return {name: _encoded(placed[name]) for name in sorted(placed)}


def counts_of(rows: Iterable[EnvoyRow]) -> EnvoyCounts:
    """Count Envoys by how they stand."""
    counted = dict.fromkeys(Stand, 0)
    for row in rows:
        counted[row.stand] += 1
    return EnvoyCounts(in_sync=counted[Stand.IN_SYNC], pending=counted[Stand.PENDING], refusing=counted[Stand.REFUSING])


def decoded_part(content: bytes) -> tuple[EnvoyRow, ...]:
    """Return the Envoys in a part.

    Raises:
        EnvoyPartError: it is none.
    """
    if len(content) > LARGEST_PART_BYTES:
        raise EnvoyPartError(f"a list of Envoys has at most {LARGEST_PART_BYTES} bytes, and this one {len(content)}")
    try:
        found = json.loads(content)
        gateways = [cut(str(each), _MOST_GATEWAYS_CHARACTERS) for each in found["gateways"]]
        refusals = [cut(str(each), _MOST_REFUSAL_CHARACTERS) for each in found["refusals"]]
        canaries = frozenset(map(str, found.get("canary", ())))
        return tuple(_row(each, gateways, refusals, canaries) for each in found["envoys"])
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as err:
        raise EnvoyPartError("is no list of Envoys") from err


def _encoded(rows: Sequence[EnvoyRow]) -> bytes:
    gateways, refusals = _Shared(), _Shared()
    envoys: list[list[Any]] = []
    canaries: list[str] = []
    for row in sorted(rows, key=lambda each: each.id):
        node_id = cut_identity(shown(row.id), _MOST_ID_CHARACTERS)
        entry = [
            node_id,
            gateways.place(row.gateways, _MOST_GATEWAYS_CHARACTERS),
            row.stand.value,
        ]
        if row.refused:
            told = [refusals.place(text, _MOST_REFUSAL_CHARACTERS) for text in row.refusals[:MOST_REFUSALS]]
            entry += [row.refused, told]
        envoys.append(entry)
        if row.is_canary:
            canaries.append(node_id)
    part: dict[str, Any] = {"gateways": gateways.texts, "refusals": refusals.texts, "envoys": envoys}
    if canaries:
        part["canary"] = canaries
    return json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode()


def _row(entry: Sequence[Any], gateways: Sequence[str], refusals: Sequence[str], canaries: frozenset[str]) -> EnvoyRow:
    node_id, gateway, stand, *more = entry
    count, told = more or (0, [])
    if not (
        isinstance(node_id, str)
        and isinstance(count, int)
        and 0 <= count <= _MOST_COUNT
        and min(gateway, *told, 0) >= 0
    ):
        raise ValueError(node_id)
    texts = tuple(refusals[at] for at in told[:MOST_REFUSALS])
    id_ = cut(node_id, _MOST_ID_CHARACTERS)
    return EnvoyRow(id_, gateways[gateway], Stand(stand), count, texts, node_id in canaries)
