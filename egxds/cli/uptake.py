"""How far a generation has come on all replicas, for whoever has published it and waits.

It is told by the records that replicas keep in the store, so that nobody has to be reached but that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from egxds.cli.output import FINDINGS, write_line
from egxds.cli.published_store import with_watched_generations
from egxds.etcd.errors import EtcdError, WrongClusterError
from egxds.fleet.envoys import EnvoyRow, Stand
from egxds.fleet.record import ReplicaRecord
from egxds.fleet.uptake import Uptake, has_it, uptake_of
from egxds.fleet.watching import FleetWatcher, envoys_of_all
from egxds.published.reading import WatchedGenerations

_MOST_LINES = 50
_Rows = Mapping[str, Sequence[EnvoyRow]]


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
    rows: _Rows
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
    lines = list(_missing(seen, generation))
    for line in lines[:_MOST_LINES]:
        write_line(f"  {line}")
    if len(lines) > _MOST_LINES:
        write_line(f"  and {len(lines) - _MOST_LINES} more")
    if not seen.uptake.is_taken or seen.fault:
        raise click.exceptions.Exit(FINDINGS)


async def _waited(generations: WatchedGenerations, generation: int, wait_s: float) -> _Seen:
    changed = anyio.Event()

    def told() -> None:
        changed.set()

    watcher = FleetWatcher(generations.layout, told)

    async def follow() -> None:
        # What it says then is in `fault`.
        with suppress(WrongClusterError):
            await watcher.follow(generations.watched)

    with anyio.move_on_after(wait_s):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            while watcher.fault or not uptake_of(watcher.book.records().values(), generation).is_over:
                await changed.wait()
                changed = anyio.Event()
            tasks.cancel_scope.cancel()
    records = watcher.book.records()
    uptake = uptake_of(records.values(), generation)
    rows: _Rows = {}
    if not uptake.is_taken and not watcher.fault:
        with suppress(EtcdError):
            rows, _ = await envoys_of_all(generations.watched, generations.layout)
    return _Seen(uptake, records, rows, watcher.fault)


def _missing(seen: _Seen, generation: int) -> Iterator[str]:
    """Yield who has not taken it, and why."""
    if seen.fault:
        yield f"the store does not say more: {seen.fault}"
    for record in seen.uptake.lagging:
        at = f"is at generation {record.generation}" if record.generation != generation else "is about to serve it"
        why = f": {record.refused}" if record.refused else ""
        yield f"replica {record.name} {at}, with {record.envoys.total} Envoys{why}"
    for name, rows in seen.rows.items():
        if name in seen.records and has_it(seen.records[name], generation):
            for row in rows:
                yield from envoy_lines(name, row)


def envoy_lines(replica: str, row: EnvoyRow) -> Iterator[str]:
    """Yield why an Envoy has not taken something, in a line each."""
    if row.stand is Stand.PENDING:
        yield f"Envoy {row.id} at {replica} has not taken it yet"
    for told in row.refusals if row.stand is Stand.REFUSING else ():
        yield f"Envoy {row.id} at {replica} refuses {told}"
    if row.refused > len(row.refusals):
        yield f"Envoy {row.id} at {replica} refuses {row.refused - len(row.refusals)} more"
