"""The commands of egxds.

What a command needs is imported when it runs: one that asks a daemon or prints help is there in a tenth of a second,
and all of egxds takes fifteen times as long. So this module and those that end with `_commands`, which have the
arguments, import nothing but options; `tests/unit/cli/test_imports.py` says what each command may, and counts it.
"""

from __future__ import annotations

import click

from egxds import __version__
from egxds.cli.asking_commands import clients, dump, follow_store, healthcheck, resync
from egxds.cli.completion_command import completion
from egxds.cli.daemon_commands import bootstrap, serve, up
from egxds.cli.extension_commands import extension
from egxds.cli.file_commands import translate, validate
from egxds.cli.hook_commands import hooks
from egxds.cli.publishing_commands import history, promote, publish, rollback
from egxds.cli.seeing_commands import describe, diff, explain, status, watch
from egxds.cli.settings_commands import schema, settings

COMMANDS = (
    *(serve, up, bootstrap, validate, translate, diff, explain),
    *(status, describe, watch, clients, hooks, resync, dump, healthcheck, extension),
    *(publish, promote, history, rollback, follow_store),
    *(settings, schema, completion),
)


_EXIT_STATUSES = "Exit status: 0 fine, 1 findings, or cannot do it, 2 usage"
_NOT_REACHED = ", 3 the daemon was not reached"
_NOT_DONE = ", 3 nothing was done, try again"
_AT_THE_STORE = (publish, promote, history, rollback)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, no_args_is_help=True)
@click.version_option(__version__, message="egxds %(version)s")
def application() -> None:
    """A control plane that gives Envoy what Envoy Gateway gives it, without Kubernetes."""


def _add(group: click.Group, command: click.Command) -> None:
    """Add a command, whose help says its exit statuses: those that ask a daemon, or a store, have one more."""
    group.add_command(command)
    asks = any(parameter.name == "admin" for parameter in command.params)
    command.epilog = f"{_EXIT_STATUSES}{_NOT_REACHED if asks else _NOT_DONE if command in _AT_THE_STORE else ''}."
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _add(command, inner)


for each in COMMANDS:
    _add(application, each)
