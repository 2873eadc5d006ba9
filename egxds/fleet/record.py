"""What a replica says of itself: what it serves, to how many Envoys, and how it is doing. Pure.

It is JSON in one line, small, since every replica is told of each change of all of them; which Envoys there are stands
elsewhere (`envoys`), for who asks. What is not known here in a record of the same format is passed over; of another
format nothing is believed, and what is no record costs a line and nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from egxds.cut_text import cut
from egxds.published.layout import LAST_GENERATION
from egxds.published.record import first_fault
from egxds.shown_text import shown

LARGEST_REPLICA_BYTES = 16 * 1024
MOST_ADDRESSES = 16
MOST_ADDRESS_CHARACTERS = 300
MOST_FAULT_CHARACTERS = 400
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z"

_LAST_REVISION = 2**63 - 1
_ROOM = 32
"""Characters by which something that is cut says how long it was."""

_Digest = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?\z")]
_Address = Annotated[str, StringConstraints(min_length=1, max_length=MOST_ADDRESS_CHARACTERS)]
_Count = Annotated[int, Field(ge=0, le=10**9)]
_Fault = Annotated[str, Field(max_length=MOST_FAULT_CHARACTERS)]


class ReplicaRecordError(ValueError):
    """What stands at a key is no record of a replica; the message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)


class EnvoyCounts(_Part):
    """Envoys by how they stand.

    Attributes:
        in_sync: they have taken all that there is for them.
        pending: they have not yet.
        refusing: they refuse something.
    """

    in_sync: _Count = 0
    pending: _Count = 0
    refusing: _Count = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.in_sync + self.pending + self.refusing


class CanaryStand(_Part):
    """How far a candidate has come at a replica: a generation that some nodes are served before the others.

    Attributes:
        put_at: revision of the store that put the candidate there, by which all mean the same one.
        generation: the number that it is to have.
        is_settled: whether all of it is served.
        served: digest of all its resources in their versions; empty while that changes.
        connected: canary nodes that are connected, and select something that there is.
        taken: those of them that have taken all of it.
        resumed: those of them that came with what they had from another connection; others were started since.
        refused: canary nodes that have refused something that only the candidate has, be they connected still or not.
        fault: why it is not settled, or what speaks against it; empty for nothing.
    """

    put_at: Annotated[int, Field(ge=1, le=_LAST_REVISION)]
    generation: Annotated[int, Field(ge=1, le=LAST_GENERATION)]
    is_settled: Annotated[bool, Field(alias="settled")] = False
    served: _Digest = ""
    connected: _Count = 0
    taken: _Count = 0
    resumed: _Count = 0
    refused: _Count = 0
    fault: _Fault = ""

    @property
    def is_served(self) -> bool:
        """Whether all of it is served, and nothing about to change."""
        return self.is_settled and bool(self.served) and not self.fault


class ReplicaRecord(_Part):
    """One replica.

    Attributes:
        written_as: the format; there is one.
        name: of the replica.
        instance: of its process.
        version: of its program.
        since: when the process started, by its clock.
        admin: where it answers people, as it is told to others; empty for nowhere.
        xds: where it serves Envoys.
        generation: the published one that is in force; 0 for none.
        digest: of all files of that.
        served: digest of all resources in their versions that it serves; empty while that changes.
        refused: why it does not follow what was published last; empty where it does.
        is_ready: whether it would serve an Envoy.
        is_draining: whether it is about to end.
        envoys: how many are connected.
        cpu_percent: of one core, about.
        canary: how far a candidate has come there; None where it has none.
    """

    written_as: Annotated[Literal[1], Field(alias="format")] = 1
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    instance: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}\z")]
    version: Annotated[str, Field(max_length=100)] = ""
    since: AwareDatetime
    admin: Annotated[str, Field(max_length=MOST_ADDRESS_CHARACTERS)] = ""
    xds: Annotated[tuple[_Address, ...], Field(max_length=MOST_ADDRESSES)] = ()
    generation: Annotated[int, Field(ge=0, le=LAST_GENERATION)] = 0
    digest: _Digest = ""
    served: _Digest = ""
    refused: _Fault = ""
    is_ready: Annotated[bool, Field(alias="ready")] = False
    is_draining: Annotated[bool, Field(alias="draining")] = False
    envoys: EnvoyCounts = EnvoyCounts()
    cpu_percent: _Count = 0
    canary: CanaryStand | None = None

    @property
    def takes_envoys(self) -> bool:
        """Whether an Envoy may come to it."""
        return self.is_ready and not self.is_draining

    def encode(self) -> bytes:
        """Return it as it is stored."""
        return self.model_dump_json(by_alias=True, exclude_defaults=False).encode()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a replica says of itself that does not change.

    Attributes:
        name: of the replica.
        instance: of its process: 16 hex digits by lot.
        admin: where it answers people; empty for nowhere.
        xds: where it serves Envoys.
    """

    name: str
    instance: str
    admin: str = ""
    xds: tuple[str, ...] = ()


def fault_text(text: str) -> str:
    """Return why something is not followed, in the length and the line that a record has for it."""
    return cut(shown(text), MOST_FAULT_CHARACTERS - _ROOM)


def decoded_replica(name: str, content: bytes) -> ReplicaRecord:
    """Return what a record says.

    Args:
        name: of the replica, as its key has it.
        content: as it is stored.

    Raises:
        ReplicaRecordError: it is none, or that of another one.
    """
    if len(content) > LARGEST_REPLICA_BYTES:
        raise ReplicaRecordError(f"a record has at most {LARGEST_REPLICA_BYTES} bytes, and this one {len(content)}")
    try:
        record = ReplicaRecord.model_validate_json(content)
    except ValidationError as err:
        raise ReplicaRecordError(first_fault(err)) from err
    if record.name != name:
        raise ReplicaRecordError(f"is that of {record.name}")
    return record
