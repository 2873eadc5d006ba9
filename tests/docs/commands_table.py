"""The reference of the commands, drawn from what runs: usage, what it does, arguments and options."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from egxds.cli.application import application


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command with the words that call it, a group before what is below it."""
    yield from _below("egxds", application)


def commands_reference() -> str:
    """Draw all commands, a section each."""
    return "\n".join(_section(words, command) for words, command in commands())


def _below(words: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name in group.commands:
        command = group.commands[name]
        yield f"{words} {name}", command
        if isinstance(command, click.Group):
            yield from _below(f"{words} {name}", command)


def _section(words: str, command: click.Command) -> str:
    # As when it runs: a command remembers the names of its help option from the first context that it is seen in.
    context = click.Context(command, info_name=words, **application.context_settings)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    parts = [f"## {words}", f"    {usage}", inspect.cleandoc(command.help or ""), *_options(command, context)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    rows = [f"| {spelling} | {purpose} |" for spelling, purpose in _records(command, context)]
    if rows:
        yield "\n".join(["| option | what it is for |", "|---|---|", *rows])
    if command.epilog:
        yield command.epilog


def _records(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        # Arguments are told of in the text.
        if record is not None and record[1]:
            spelling, purpose = record
            yield f"`{spelling}`".replace("|", "\\|"), purpose
