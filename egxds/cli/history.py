"""The commands about generations that were published: which there are, and back to one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from egxds.cli.ages import age
from egxds.cli.canary import described, end_candidate, nodes_text, taken_back_text, write_ended
from egxds.cli.generation_names import GenerationName
from egxds.cli.local_rollback import roll_back_files
from egxds.cli.origin import origin_of, whoever
from egxds.cli.output import USAGE, DataFormat, ListForm, cell, write_data, write_line, write_message
from egxds.cli.published_store import find, generations_of, with_generations
from egxds.cli.uptake import wait_for_uptake
from egxds.published.candidate import Candidate
from egxds.published.reading import Generations, Seen
from egxds.published.record import Record
from egxds.published.rolling_back import RolledBack, roll_back

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHOWN_REVISION = 12
_IN_FORCE = "in force"
_CANARY = "canary"
_TAKEN_BACK = "taken back"


def history(config: Path, form: ListForm) -> None:
    """Print which generations are kept, the newest first.

    Args:
        config: the settings file, which says where they are.
        form: a table for people, or all of it.
    """
    seen, records = with_generations(config, _kept)
    number, candidate = seen.head.generation if seen.head else 0, seen.last_candidate
    if seen.found.fault:
        write_message(f"warning: what is served to some Envoys first cannot be read: it {seen.found.fault}")
    if form is not ListForm.TABLE:
        items = [{**_described(record), "inForce": record.generation == number} for record in records]
        found = described(candidate) if candidate is not None else None
        write_data({"items": items, "candidate": found}, DataFormat(form.value))
    elif records or candidate is not None:
        _print(records, number, candidate)
    else:
        write_message("nothing was published" if generations_of(config).etcd is not None else "nothing is kept yet")


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """What is wanted, beside the generation.

    Attributes:
        message: what for.
        author: who wants it; None for whoever runs the command.
        wait_s: for how long it is waited, at most, until all Envoys have it; None for not at all.
    """

    message: str
    author: str | None
    wait_s: float | None


def rollback(word: str, config: Path, options: RollbackOptions) -> None:
    """Have the files of an earlier generation in force, as a new one.

    Args:
        word: by which the earlier one is named.
        config: the settings file, which says where they are.
        options: what is wanted.
    """
    name = GenerationName.of_word(word)
    if name is None:
        write_message(f"{word!r} is no generation: write its number, or such as gen:head~1 for the one before")
        raise click.exceptions.Exit(USAGE)

    if name.is_candidate:
        write_message(
            "gen:candidate was never in force: `egxds promote` has it so, `egxds rollback --candidate` takes it back"
        )
        raise click.exceptions.Exit(USAGE)
    if generations_of(config).etcd is None:
        if options.wait_s is not None:
            write_message(
                "--wait asks the replicas that follow etcd; of files, `egxds clients` says which Envoys have them"
            )
            raise click.exceptions.Exit(USAGE)
        roll_back_files(config, name, options.author or whoever(), options.message)
        return

    async def work(generations: Generations) -> tuple[int, RolledBack, Candidate | None]:
        wanted = (await find(generations, name, await generations.look())).generation
        origin = origin_of(options.author, options.message, [])
        done = await roll_back(generations, wanted, origin)
        ended = done.ended if done.is_new else await end_candidate(generations, done.record, origin.author)
        return wanted, done, ended

    wanted, done, ended = with_generations(config, work)
    number = done.record.generation
    if done.is_new:
        write_line(f"generation {number} is in force, with the files of {wanted}")
    else:
        write_line(f"nothing is new: generation {number} is in force and has the files of {wanted}")
    write_ended(ended)
    if options.wait_s is not None:
        wait_for_uptake(config, number, options.wait_s)


async def _kept(generations: Generations) -> tuple[Seen, Sequence[Record]]:
    """Return what is in force, and all that are kept."""
    seen = await generations.look()
    kept = await generations.kept(await generations.numbers())
    return seen, [each.record for each in kept]


def _described(record: Record) -> dict[str, object]:
    """Return a record without its manifest."""
    return record.model_dump(mode="json", by_alias=True, exclude={"written_as", "buckets"})


def _print(records: Sequence[Record], number: int, candidate: Candidate | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("GENERATION", no_wrap=True, justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("AGE", no_wrap=True, justify="right")
    table.add_column("AUTHOR", overflow="fold")
    table.add_column("FILES", no_wrap=True, justify="right")
    table.add_column("REVISION", no_wrap=True)
    table.add_column("MESSAGE", overflow="fold", ratio=1)
    if candidate is not None:
        force = _CANARY if candidate.is_live else _TAKEN_BACK
        table.add_row(*_cells(candidate.record, force, taken_back_text(candidate) or f"for {nodes_text(candidate)}"))
    for record in records:
        force = _IN_FORCE if record.generation == number else ""
        held = f" in the place of {record.instead_of}, until a file changes" if force and record.instead_of else ""
        back = f"back to {record.rolled_back_to}{held}" if record.rolled_back_to else ""
        table.add_row(*_cells(record, force, back))
    Console(highlight=False).print(table)


def _cells(record: Record, force: str, about: str) -> Iterator[RenderableType]:
    """Yield a line of the table."""
    message = ": ".join(filter(None, (about, record.message)))
    shown = (force, age(record.at.isoformat()), record.author, str(record.files))
    yield str(record.generation)
    yield from map(cell, (*shown, record.revision[:_SHOWN_REVISION], message))
