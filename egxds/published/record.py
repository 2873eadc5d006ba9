"""The record of a generation: what it holds, and who published it, when, from what, and what for. Pure.

It is JSON in one line, the same bytes at `head` and among the kept ones. What is not known here in a record of the same
format is passed over; of another format nothing is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from egxds.cut_text import cut
from egxds.published.layout import LAST_GENERATION
from egxds.published.manifest import content_digest
from egxds.shown_text import shown

LARGEST_RECORD_BYTES = 64 * 1024
MOST_AUTHOR_CHARACTERS = 256
MOST_REVISION_CHARACTERS = 256
MOST_MESSAGE_CHARACTERS = 4096
MOST_NEW_CHUNKS = 16

_MOST_PLACE_CHARACTERS = 200

_ROOM = 32
"""Characters by which something that is cut says how long it was."""

_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\z")]
_BucketName = Annotated[str, StringConstraints(pattern=r"^[0-7][0-9a-f]\z")]
_Generation = Annotated[int, Field(ge=1, le=LAST_GENERATION)]
_Count = Annotated[int, Field(ge=0, le=2**53)]


class RecordError(ValueError):
    """A record is none; the message says why."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a generation comes from.

    Attributes:
        author: who published it.
        at: when, by the clock of whoever published it.
        revision: what was published, in the words of a version control system; empty where there is none.
        message: what for.
    """

    author: str
    at: datetime
    revision: str = ""
    message: str = ""

    def fields(self) -> Mapping[str, Any]:
        """Return it as fields of a record; what is too long is cut, and shown in one line."""
        return {
            "author": cut(shown(self.author), MOST_AUTHOR_CHARACTERS - _ROOM),
            "at": self.at,
            "revision": cut(shown(self.revision), MOST_REVISION_CHARACTERS - _ROOM),
            "message": cut(shown(self.message), MOST_MESSAGE_CHARACTERS - _ROOM),
        }


class Record(BaseModel):
    """A generation.

    Attributes:
        written_as: the format; there is one.
        generation: its number; the one after it has the next.
        digest: of all files; equal files have equal ones.
        buckets: name of a bucket → its digest; the manifest.
        files: how many.
        size_bytes: of all of them.
        author: who published it.
        at: when, by the clock of whoever published it.
        revision: what was published, in the words of a version control system; empty where there is none.
        message: what for.
        rolled_back_to: the generation whose files these are; None where they were published.
        instead_of: the generation that stands in the files of this machine, in the place of which this one is in force
            until they change; None where it is in force for good.
        parent: the generation that was in force before; 0 for the first.
        new_chunks: digests of chunks that its publisher has put, where they are few and small. Who follows reads them
            along with what leads to them; nothing else is concluded from it.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)

    written_as: Annotated[Literal[1], Field(alias="format")] = 1
    generation: _Generation
    digest: _Digest
    buckets: Mapping[_BucketName, _Digest]
    files: _Count
    size_bytes: Annotated[_Count, Field(alias="bytes")]
    author: Annotated[str, Field(max_length=MOST_AUTHOR_CHARACTERS)] = ""
    at: AwareDatetime
    revision: Annotated[str, Field(max_length=MOST_REVISION_CHARACTERS)] = ""
    message: Annotated[str, Field(max_length=MOST_MESSAGE_CHARACTERS)] = ""
    rolled_back_to: _Generation | None = None
    instead_of: _Generation | None = None
    parent: Annotated[int, Field(ge=0, le=LAST_GENERATION)] = 0
    new_chunks: Annotated[tuple[_Digest, ...] | None, Field(max_length=MOST_NEW_CHUNKS)] = None

    @model_validator(mode="after")
    def _digest_is_of_buckets(self) -> Record:
        if content_digest(self.buckets) != self.digest:
            raise ValueError("digest: is not that of its buckets")
        return self

    @model_validator(mode="after")
    def _comes_after_parent(self) -> Record:
        earlier = (self.parent, self.rolled_back_to or 0, self.instead_of or 0)
        if self.generation <= max(earlier):
            raise ValueError("generation: comes after the one before it")
        return self

    def encode(self) -> bytes:
        """Return it as it is stored."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


def decoded_record(content: bytes) -> Record:
    """Return what a record says.

    Args:
        content: as it is stored.

    Raises:
        RecordError: it is none.
    """
    if len(content) > LARGEST_RECORD_BYTES:
        raise RecordError(f"a record has at most {LARGEST_RECORD_BYTES} bytes, and this one {len(content)}")
    try:
        return Record.model_validate_json(content)
    except ValidationError as err:
        raise RecordError(first_fault(err)) from err


def first_fault(err: ValidationError) -> str:
    """Return what is wrong first with something that was read, in a line; names in it are of whoever has written it."""
    first = err.errors(include_url=False, include_input=False, include_context=False)[0]
    where = cut(shown(".".join(map(str, first["loc"]))), _MOST_PLACE_CHARACTERS)
    return f"{where}: {first['msg']}" if where else first["msg"]
