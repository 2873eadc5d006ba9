"""The command that has a shell complete what is typed after `egxds`."""

from __future__ import annotations

import click

from egxds.cli.output import write_line


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what has a shell complete commands.

    In bash: source <(egxds completion bash)
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is not None:
        for line in script(context.find_root().command, {}, "egxds", "_EGXDS_COMPLETE").source().splitlines():
            write_line(line)
