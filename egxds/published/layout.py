"""Where things stand in the store that generations are published to. Pure.

    head                 the record of the generation in force
    head-candidate       what some nodes are served before all are (`candidate`): one watch tells both
    generations/<n>      the records of those that are kept, that one included
    buckets/<sha256>     which files a generation has, in parts (`manifest`)
    blobs/<sha256>       what stands in files, in chunks
    swept                is changed by whatever removes something

    replicas/<name>      what a replica says of itself while it lives (`egxds.fleet`)
    envoys/<name>/<part> which Envoys are connected to it

Records lead to buckets, and these to blobs; what is named by its digest never changes, and is shared by all that have
the same. All of a generation is there before a record of it is, and the record is put in one transaction: so a
generation is whole, or is not there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from egxds.published.errors import PublishedContentError

LAST_GENERATION = 9_999_999_999
"""Keys of generations have as many digits, so that their order is the order of keys."""

_DIGITS = len(str(LAST_GENERATION))


@dataclass(frozen=True, slots=True)
class Layout:
    """Keys below a prefix.

    Attributes:
        prefix: what all of them start with.
    """

    prefix: str

    @property
    def head(self) -> str:
        """Where the record of the generation in force stands."""
        return f"{self.prefix}head"

    @property
    def candidate(self) -> str:
        """Where the candidate stands; what it starts with is where the head does."""
        return f"{self.head}-candidate"

    @property
    def swept(self) -> str:
        """What every removal changes; who puts what leads to something old has it unchanged."""
        return f"{self.prefix}swept"

    @property
    def generations(self) -> str:
        """What the keys of all kept records start with."""
        return f"{self.prefix}generations/"

    @property
    def buckets(self) -> str:
        """What the keys of all buckets start with."""
        return f"{self.prefix}buckets/"

    @property
    def blobs(self) -> str:
        """What the keys of all blobs start with."""
        return f"{self.prefix}blobs/"

    @property
    def replicas(self) -> str:
        """What the keys of the records of all replicas start with."""
        return f"{self.prefix}replicas/"

    @property
    def envoys(self) -> str:
        """What the keys of all lists of Envoys start with."""
        return f"{self.prefix}envoys/"

    def replica(self, name: str) -> str:
        """Return where the record of a replica stands while it lives."""
        return f"{self.replicas}{name}"

    def envoys_of(self, name: str) -> str:
        """Return what the keys of a replica's lists of Envoys start with."""
        return f"{self.envoys}{name}/"

    def generation(self, number: int) -> str:
        """Return where the record of a generation stands while it is kept."""
        return f"{self.generations}{number:0{_DIGITS}d}"

    def bucket(self, digest: str) -> str:
        """Return where a bucket stands."""
        return f"{self.buckets}{digest}"

    def blob(self, digest: str) -> str:
        """Return where a chunk of a file stands."""
        return f"{self.blobs}{digest}"


def digest_of(content: bytes) -> str:
    """Return what a bucket or a blob is named by: its SHA-256 (hex)."""
    return hashlib.sha256(content).hexdigest()


def check_content(key: str, content: bytes, generation: int = 0) -> None:
    """Hold what was read against the digest that ends its key.

    Args:
        key: of a bucket or a blob.
        content: what stands there.
        generation: the one that it was read for.

    Raises:
        PublishedContentError: it is something else.
    """
    if digest_of(content) != key.rpartition("/")[2]:
        raise PublishedContentError(key, "is not what its name says: its digest is another one", generation)
