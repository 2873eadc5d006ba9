"""The arguments of `egxds hooks`, and of the command below it."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.output import ListForm


@click.group(invoke_without_command=True)
@options.daemon_config
@options.admin
@options.list_output
@click.option(
    "--ask-again",
    "again",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Ask the extension NAME everything again; without NAME, all.",
)
@click.pass_context
def hooks(context: click.Context, config: Path | None, admin: str | None, output: ListForm, again: str | None) -> None:
    """List the extension hooks, and how each is doing.

    What went wrong last is below the list; exit 1 where a hook fails.
    """
    if context.invoked_subcommand is not None:
        return
    from egxds.cli import hooks as hook_list
    from egxds.cli.admin import admin_address
    from egxds.cli.ask_again import ask_again

    if again is not None:
        ask_again(admin_address(config, admin), again or None, output)
    else:
        hook_list.hooks(admin_address(config, admin), output)


@hooks.command("test")
@options.config
@options.paths
@click.option("--golden", type=options.FILE, metavar="DIR", help="Compare with the files in this directory.")
@click.option("--update", is_flag=True, help="Write those files instead.")
@options.list_output
def run_hooks(config: Path, paths: tuple[Path, ...], golden: Path | None, update: bool, output: ListForm) -> None:
    """Run the hooks over files.

    Each call is printed: what it changed, and what was refused; exit 1 where one fails or differs.

    PATHS are YAML files or directories, in the place of the settings' own sources.
    """
    from egxds.cli import hook_tests

    hook_tests.run_hooks(config, list(paths), hook_tests.golden_files(golden, update=update), output)
