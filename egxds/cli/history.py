"""The commands about generations that were published: which there are, and back to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from egxds.cli.ages import age
from egxds.cli.generation_names import GenerationName
from egxds.cli.local_rollback import roll_back_files
from egxds.cli.origin import origin_of, whoever
from egxds.cli.output import USAGE, DataFormat, ListForm, cell, write_data, write_line, write_message
from egxds.cli.published_store import find, generations_of, with_generations
from egxds.cli.uptake import wait_for_uptake
from egxds.published.reading import Generations
from egxds.published.record import Record
from egxds.published.rolling_back import RolledBack, roll_back

_SHOWN_REVISION = 12
_IN_FORCE = "in force"


def history(config: Path, form: ListForm) -> None:
    """Print which generations are kept, the newest first.

    Args:
        config: the settings file, which says where they are.
        form: a table for people, or all of it.
    """
    number, records = with_generations(config, _kept)
    if form is not ListForm.TABLE:
        items = [{**_described(record), "inForce": record.generation == number} for record in records]
        write_data({"items": items}, DataFormat(form.value))
    elif records:
        _print(records, number)
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

    if generations_of(config).etcd is None:
        if options.wait_s is not None:
            write_message(
                "--wait asks the replicas that follow etcd; of files, `egxds clients` says which Envoys have them"
            )
            raise click.exceptions.Exit(USAGE)
        roll_back_files(config, name, options.author or whoever(), options.message)
        return

    async def work(generations: Generations) -> tuple[int, RolledBack]:
        wanted = (await find(generations, name, await generations.look())).record.generation
        return wanted, await roll_back(generations, wanted, origin_of(options.author, options.message, []))

    wanted, done = with_generations(config, work)
    number = done.record.generation
    if done.is_new:
        write_line(f"generation {number} is in force, with the files of {wanted}")
    else:
        write_line(f"nothing is new: generation {number} is in force and has the files of {wanted}")
    if options.wait_s is not None:
        wait_for_uptake(config, number, options.wait_s)


async def _kept(generations: Generations) -> tuple[int, Sequence[Record]]:
    """Return which one is in force, and all that are kept."""
    seen = await generations.look()
    kept = await generations.kept(await generations.numbers())
    return seen.head.generation if seen.head else 0, [each.record for each in kept]


def _described(record: Record) -> dict[str, object]:
    """Return a record without its manifest."""
    return record.model_dump(mode="json", by_alias=True, exclude={"written_as", "buckets"})


def _print(records: Sequence[Record], number: int) -> None:
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
    for record in records:
        force = _IN_FORCE if record.generation == number else ""
        held = f" in the place of {record.instead_of}, until a file changes" if force and record.instead_of else ""
        back = f"back to {record.rolled_back_to}{held}" if record.rolled_back_to else ""
        message = ": ".join(filter(None, (back, record.message)))
        shown = (force, age(record.at.isoformat()), record.author, str(record.files))
        table.add_row(str(record.generation), *map(cell, (*shown, record.revision[:_SHOWN_REVISION], message)))
    Console(highlight=False).print(table)
