"""What this replica says of itself to the others: gathered when something has changed, a second apart at most.

The generation is looked at first and the Envoys behind that: what is said of an Envoy is of that generation or of a
later one, and never that it has taken what was before.
"""

from __future__ import annotations

import hashlib
import platform
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anyio.lowlevel import checkpoint

from egxds import __version__
from egxds.app.canary_judge import CanaryJudge
from egxds.app.source import Source
from egxds.app.uptake_rows import uptake_rows
from egxds.fleet.envoys import EnvoyRow, counts_of, encoded_parts
from egxds.fleet.keeping import Told
from egxds.fleet.record import CanaryStand, Identity, ReplicaRecord, fault_text
from egxds.inspect.fleet_rows import Places
from egxds.inspect.status import StatusStore
from egxds.published.followed import Followed, decoded_followed
from egxds.settings.etcd import ReplicaSettings
from egxds.snapshot.served_digest import ServedDigest
from egxds.snapshot.snapshot import Snapshot
from egxds.snapshot.stores import Stores
from egxds.wire.grpc.server import XdsServer
from egxds.wire.xds.newcomers import Doubt

_MACHINE_ID = Path("/etc/machine-id")
_ODD = re.compile(r"[^A-Za-z0-9._-]")
_MOST_HOST_CHARACTERS = 80
_HASH_DIGITS = 6
_AT_ONCE = 100
"""Envoys, before streams get a turn."""

_CPU_EVERY_S = 30.0
_CPU_STEP = 5
"""Percent: less of a difference is not worth a write."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Who knows what is told.

    Attributes:
        status: which Envoys have taken or refused what, and whether all is ready.
        stores: what there is for them, and for which of them what.
        xds: serves them.
        is_settled: tells whether all Envoys are served what is in force, and that is all published.
        source: knows whether it is followed.
        places: finds where the objects stand that a refused resource was made from.
        canary: knows how far a candidate has come; None where there are none.
    """

    status: StatusStore
    stores: Stores
    xds: XdsServer
    is_settled: Callable[[], bool]
    source: Source
    places: Places
    canary: CanaryJudge | None = None


class OwnRecord:
    """Gathers what there is to be said.

    Attributes:
        is_draining: whether this replica is about to end.
        instance: of this process.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        """Know of nothing in force.

        Args:
            knowledge: where it is gathered.
        """
        self.is_draining = False
        self._knowledge = knowledge
        self._digest = ServedDigest()
        self._in_force: Followed | None = None
        self.instance = secrets.token_hex(8)
        self._since = datetime.now(UTC).replace(microsecond=0)
        self._cpu = (time.process_time(), time.monotonic(), 0)
        self._seen: tuple[object, ...] = ()

    @property
    def envoys(self) -> int:
        """How many Envoys are connected."""
        return self._knowledge.status.envoys.connected

    def has_moved(self) -> bool:
        """Tell whether there may be something to be said that nobody tells of: of the source, or of the load."""
        known = self._knowledge
        at_source = (self._refused(), self._canary())
        seen = (known.status.not_ready(), known.is_settled(), *at_source, self._cpu_percent())
        before, self._seen = self._seen, seen
        return seen != before

    def accepted(self, origin: str) -> None:
        """Take which generation is in force; of what is published by it nothing is known yet."""
        self._in_force = decoded_followed(origin) or self._in_force

    def published(self, gateway: str, snapshot: Snapshot) -> None:
        """Take what is published for a Gateway; of one that has gone, an empty snapshot."""
        self._digest.published(gateway, snapshot)

    def identity(self, settings: ReplicaSettings) -> Identity:
        """Return what is said that does not change."""
        address = self._knowledge.xds.address
        name = settings.name or default_name(platform.node(), _machine_id(), address)
        return Identity(name, self.instance, settings.admin_address or "", settings.xds_addresses or (address,))

    def doubt(self, newest: int) -> Doubt:
        """Tell whether there may be something newer than what is served.

        Args:
            newest: number of the newest generation that another replica serves; 0 for none.
        """
        source = self._knowledge.source.described() or {}
        if not source.get("isConnected"):
            return Doubt.CUT_OFF
        in_force = self._in_force.number if self._in_force is not None else 0
        # What has gone back is older, if anything.
        is_unread = not source.get("isAtHead") and not source.get("goneBack")
        is_unserved = newest > in_force or source.get("read") != in_force or not self._knowledge.is_settled()
        return Doubt.BEHIND if is_unread or is_unserved else Doubt.NONE

    async def told(self, identity: Identity) -> Told:
        """Return all that there is to be said now, as it is stored."""
        record, rows = await self.gathered(identity)
        return Told(record.encode(), encoded_parts(rows))

    async def gathered(self, identity: Identity) -> tuple[ReplicaRecord, tuple[EnvoyRow, ...]]:
        """Return all that there is to be said now."""
        known, in_force = self._knowledge, self._in_force
        served = self._digest.hexdigest() if known.is_settled() else ""
        rows = await self._rows()
        record = ReplicaRecord(
            name=identity.name,
            instance=identity.instance,
            version=__version__,
            since=self._since,
            admin=identity.admin,
            xds=identity.xds,
            generation=in_force.number if in_force is not None else 0,
            digest=in_force.digest if in_force is not None else "",
            served=served,
            refused=self._refused(),
            is_ready=not known.status.not_ready(),
            is_draining=self.is_draining,
            envoys=counts_of(rows),
            cpu_percent=self._cpu_percent(),
            canary=self._canary(),
        )
        return record, rows

    def _canary(self) -> CanaryStand | None:
        judge = self._knowledge.canary
        return judge.stand() if judge is not None else None

    def _refused(self) -> str:
        source = self._knowledge.source.described() or {}
        return fault_text(str(source.get("refused") or source.get("goneBack") or ""))

    async def _rows(self) -> tuple[EnvoyRow, ...]:
        known, rows = self._knowledge, list[EnvoyRow]()
        status, clients = known.status, known.xds.clients.all()
        for row in uptake_rows(clients, status, known.stores, known.places):
            rows.append(row)
            if not len(rows) % _AT_ONCE:
                await checkpoint()
        return tuple(rows)

    def _cpu_percent(self) -> int:
        """Return about how much of a core is used; another number twice a minute at most."""
        used_s, at_s, percent = self._cpu
        now_s = time.monotonic()
        if now_s - at_s >= _CPU_EVERY_S:
            spent_s = time.process_time()
            percent = round(100 * (spent_s - used_s) / (now_s - at_s) / _CPU_STEP) * _CPU_STEP
            self._cpu = (spent_s, now_s, percent)
        return percent


def default_name(host: str, machine: str, address: str) -> str:
    """Return a name that is another one for each machine and each address on it, and the same at each start.

    Args:
        host: name of the machine.
        machine: what it is told by from others of that name; empty where it has nothing.
        address: where Envoys are served.
    """
    told = hashlib.sha256(f"{machine}\n{host}\n{address}".encode()).hexdigest()[:_HASH_DIGITS]
    readable = _ODD.sub("-", host)[:_MOST_HOST_CHARACTERS].lstrip("._-") or "egxds"
    return f"{readable}-{told}"


def _machine_id() -> str:
    with suppress(OSError, UnicodeDecodeError):
        return _MACHINE_ID.read_text().strip()
    return ""
