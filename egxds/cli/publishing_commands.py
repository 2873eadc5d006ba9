"""The arguments of the commands about what is published for many machines."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.output import ListForm

_message = click.option("-m", "--message", default="", help="What for, in a line.")
_wait = click.option(
    "--wait",
    "wait_s",
    metavar="[DURATION]",
    is_flag=False,
    flag_value="60s",
    type=options.duration,
    help="Wait until all Envoys of all replicas have it, 60s where not said; exit 1 where not all do.",
)
_author = click.option("--author", metavar="NAME", help="Who; user@host where not said.")


@click.command()
@click.argument("paths", metavar="DIR...", type=options.FILE, nargs=-1, required=True)
@options.config
@click.option("--dry-run", is_flag=True, help="Say what would become another, and publish nothing.")
@click.option("--whole", is_flag=True, help="Upload all, also what is there: where something in etcd was lost.")
@_message
@_author
@_wait
def publish(
    paths: tuple[Path, ...],
    config: Path,
    dry_run: bool,
    whole: bool,
    message: str,
    author: str | None,
    wait_s: float | None,
) -> None:
    """Publish files to etcd, for all that serve from there.

    They are checked as by validate --strict; then all of them are in force at once, or nothing changed. What became
    another is said as diff says it. Exit 3 where nothing was done, as somebody else published in between, or etcd was
    not reached.

    DIR... are directories, whose files are published by their paths below them, and files.
    """
    from egxds.cli import publish as publishing

    publishing.publish(list(paths), config, publishing.PublishOptions(message, author, dry_run, whole, wait_s))


@click.command()
@options.config
@options.list_output
def history(config: Path, output: ListForm) -> None:
    """List the generations that are kept, the newest first.

    Those that were published in etcd; or, with stateDir, what was in force of the files of this machine.
    """
    from egxds.cli import history as generations

    generations.history(config, output)


@click.command()
@click.argument("generation", metavar="GENERATION")
@options.config
@_message
@_author
@_wait
def rollback(generation: str, config: Path, message: str, author: str | None, wait_s: float | None) -> None:
    """Have an earlier generation in force, as a new one with its files.

    Of files of this machine it is in force until one of them changes, and the daemon has to run.
    Exit 3 where nothing was done, as somebody else published in between, or etcd or the daemon was not reached.

    GENERATION is its number, or gen:head~1 for the one before that in force.
    """
    from egxds.cli import history as generations

    generations.rollback(generation, config, generations.RollbackOptions(message, author, wait_s))
