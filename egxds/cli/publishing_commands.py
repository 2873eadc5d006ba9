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
@click.option(
    "--canary",
    "canary",
    metavar="NODE",
    multiple=True,
    help="Serve it to the Envoy with this node id first, and to all others once it is promoted; once for each.",
)
@click.option(
    "--for",
    "promote_after_s",
    metavar="DURATION",
    type=options.duration,
    help="With --canary: time without a fault after which it is promoted by itself; 10m where not said, 0 for not.",
)
@_message
@_author
@_wait
def publish(
    paths: tuple[Path, ...],
    config: Path,
    dry_run: bool,
    whole: bool,
    canary: tuple[str, ...],
    promote_after_s: float | None,
    message: str,
    author: str | None,
    wait_s: float | None,
) -> None:
    """Publish files to etcd, for all that serve from there.

    They are checked as by validate --strict; then all of them are in force at once, or nothing changed. What became
    another is said as diff says it. Exit 3 where nothing was done, as somebody else published in between, or etcd was
    not reached.

    With --canary they are a candidate: in force for some Envoys, until `egxds promote`, a time without a fault, `egxds
    rollback --candidate`, or anything that is published. There is one at a time. What its Envoys refuse, or more
    answers 5xx by them, takes it back by itself.

    DIR... are directories, whose files are published by their paths below them, and files.
    """
    from egxds.cli import publish as publishing

    if promote_after_s is not None and not canary:
        raise click.UsageError("--for is about what is published for some first: name these by --canary NODE")
    if canary and whole:
        raise click.UsageError("--whole is for all at once, and --canary is not")
    wanted = publishing.PublishOptions(message, author, dry_run, whole, wait_s, canary, promote_after_s)
    publishing.publish(list(paths), config, wanted)


@click.command()
@options.config
@_wait
def promote(config: Path, wait_s: float | None) -> None:
    """Have the candidate of `egxds publish --canary` in force for all.

    Exit 1 where there is none; 3 where nothing was done, as somebody else was first, or etcd was not reached.
    """
    from egxds.cli import canary

    canary.promote(config, wait_s)


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
@click.argument("generation", metavar="[GENERATION]", required=False)
@options.config
@click.option("--candidate", "is_candidate", is_flag=True, help="Take back what some Envoys are served first.")
@_message
@_author
@_wait
def rollback(
    generation: str | None, config: Path, is_candidate: bool, message: str, author: str | None, wait_s: float | None
) -> None:
    """Have an earlier generation in force, as a new one with its files; or take a candidate back.

    Of files of this machine it is in force until one of them changes, and the daemon has to run.
    Exit 3 where nothing was done, as somebody else published in between, or etcd or the daemon was not reached.

    GENERATION is its number, or gen:head~1 for the one before that in force. With --candidate none is named: what
    `egxds publish --canary` has some Envoys served is served to nobody, and what is in force for all stays.
    """
    if is_candidate == (generation is not None):
        raise click.UsageError("name a GENERATION, or --candidate, and not both")
    if is_candidate:
        if wait_s is not None:
            raise click.UsageError("--wait is about what comes into force for all, and not about --candidate")
        from egxds.cli import canary

        canary.withdraw(config, message, author)
        return
    from egxds.cli import history as generations

    assert generation is not None  # noqa: S101 it was looked at above
    generations.rollback(generation, config, generations.RollbackOptions(message, author, wait_s))
