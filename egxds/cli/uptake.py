"""How far a generation has come on all replicas, for whoever has published it and waits.

It is told by the records that replicas keep in the store, so that nobody has to be reached but that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from egxds.cli.followed_fleet import EnvoyRows, FollowedFleet, envoy_lines, fault_lines, rows_of_all, write_missing
from egxds.cli.output import FINDINGS, write_line
from egxds.cli.published_store import with_watched_generations
from egxds.fleet.record import ReplicaRecord
from egxds.fleet.uptake import Uptake, has_it, uptake_of
from egxds.published.reading import WatchedGenerations


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found when there was nothing to wait for any more.

    Attributes:
        uptake: how far the generation has come.
        records: what replicas say.
        rows: name of a replica → its Envoys; empty where all have it.
        fault: why what is known may be old; empty where it is not.
    """

    uptake: Uptake
    records: Mapping[str, ReplicaRecord]
    rows: EnvoyRows
    fault: str


def wait_for_uptake(config: Path, generation: int, wait_s: float) -> None:
    """Wait until all Envoys have taken a generation, and say how far it has come; exit 1 where not all have.

    Args:
        config: the settings file, which says where replicas keep their records.
        generation: its number.
        wait_s: how long, at most.
    """

    async def work(generations: WatchedGenerations) -> _Seen:
        return await _waited(generations, generation, wait_s)

    seen = with_watched_generations(config, work)
    write_line(str(seen.uptake) if seen.records else "no replica keeps a record, so that nobody knows who has it")
    write_missing(list(_missing(seen, generation)))
    if not seen.uptake.is_taken or seen.fault:
        raise click.exceptions.Exit(FINDINGS)


async def _waited(generations: WatchedGenerations, generation: int, wait_s: float) -> _Seen:
    fleet = FollowedFleet(generations)

    def uptake() -> Uptake:
        return uptake_of(fleet.records.values(), generation)

    with anyio.move_on_after(wait_s):
        async with fleet.followed(generations):
            await fleet.until(lambda: not fleet.fault and uptake().is_over)
    is_known = uptake().is_taken or bool(fleet.fault)
    rows = {} if is_known else await rows_of_all(generations)
    return _Seen(uptake(), fleet.records, rows, fleet.fault)


def _missing(seen: _Seen, generation: int) -> Iterator[str]:
    """Yield who has not taken it, and why."""
    yield from fault_lines(seen.fault)
    for record in seen.uptake.lagging:
        at = f"is at generation {record.generation}" if record.generation != generation else "is about to serve it"
        why = f": {record.refused}" if record.refused else ""
        yield f"replica {record.name} {at}, with {record.envoys.total} Envoys{why}"
    for name, rows in seen.rows.items():
        if name in seen.records and has_it(seen.records[name], generation):
            for row in rows:
                yield from envoy_lines(name, row)
