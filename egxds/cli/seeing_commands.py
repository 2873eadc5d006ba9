"""The arguments of the commands that say how something is, and why: of a running daemon, or of files."""

from __future__ import annotations

import math
from pathlib import Path

import click

from egxds.cli import options
from egxds.cli.options import FleetScope, WatchForm
from egxds.cli.output import ListForm

_namespace = click.option("-n", "--namespace", help="Where it is, if not in any.")


@click.command()
@click.argument("kind", metavar="[KIND", required=False)
@click.argument("name", metavar="[NAME]]", required=False)
@_namespace
@options.daemon_config
@options.admin
@options.list_output
@options.fleet_scope
def status(
    kind: str | None,
    name: str | None,
    namespace: str | None,
    config: Path | None,
    admin: str | None,
    output: ListForm,
    scope: FleetScope,
) -> None:
    """Say how everything is on one page, what is wrong first.

    With KIND, or KIND and NAME, those objects only; exit 1 where something is wrong. Where several replicas follow
    what is published, that is at the replica that is asked: the others are shown, and each judges itself; exit 1 of
    `egxds clients` is about the Envoys of all.
    """
    from egxds.cli import status as overview
    from egxds.cli.admin import admin_address

    wanted = {key: value for key, value in (("kind", kind), ("name", name), ("namespace", namespace)) if value}
    overview.status(admin_address(config, admin), wanted, output, scope)


@click.command()
@click.argument("target", metavar="KIND/NAME")
@_namespace
@options.daemon_config
@options.admin
@options.list_output
def describe(target: str, namespace: str | None, config: Path | None, admin: str | None, output: ListForm) -> None:
    """Say all that is known of an object.

    Its conditions, routes and Envoy resources, and which Envoys have them; exit 1 where something is wrong with it.
    KIND/NAME is such as httproute/shop.
    """
    from egxds.cli import describe as description
    from egxds.cli.admin import admin_address

    wanted = description.wanted_object(target, namespace)
    description.describe(admin_address(config, admin), wanted, output)


@click.command()
@click.argument("paths", metavar="A B", type=options.FILE, nargs=-1)
@options.maybe_config
@click.option("--live", is_flag=True, help="Compare what a daemon has in force with the files.")
@options.admin
@options.list_output
def diff(paths: tuple[Path, ...], config: Path | None, live: bool, admin: str | None, output: ListForm) -> None:
    """Compare what files come to, and say which connections drain.

    Exit 0 where they come to the same, 1 where not, 2 or more where they cannot be compared.

    A and B are files, directories or published generations, such as gen:12, gen:head for that in force, gen:head~1
    for the one before and gen:candidate for what some Envoys are served first; with --live, any number of files and
    directories is compared with the daemon.
    """
    from egxds.cli import diff as comparison

    comparison.diff(comparison.Compared(list(paths), config, live, admin), output)


@click.command()
@click.argument("url")
@options.paths
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; may be repeated.")
@click.option("-X", "--request", "method", metavar="METHOD", help="The method; GET where not said.")
@options.gateway
@click.option("--address", metavar="IP", help="Address that the client connects to.")
@options.maybe_config
@options.admin
@options.list_output
def explain(
    url: str,
    paths: tuple[Path, ...],
    headers: tuple[str, ...],
    method: str | None,
    gateway: str | None,
    address: str | None,
    config: Path | None,
    admin: str | None,
    output: ListForm,
) -> None:
    """Say who would take a request, and who would not and why.

    With PATHS, or with -c, it is what those files come to before any hook; else what the daemon has in force.
    Exit 1 where nobody takes it.

    URL begins with http, https, grpc, grpcs, tls, tcp or udp.
    """
    from egxds.cli import explain as explanation

    question = explanation.question_of(url, list(headers), method, address)
    if admin is None and (paths or config is not None):
        from egxds.cli.explain_files import explain_files

        explain_files(list(paths), config, question, gateway, output)
    else:
        from egxds.cli.admin import admin_address

        explanation.check_no_files(list(paths), config)
        explanation.explain_in_force(admin_address(None, admin), question, list(headers), gateway, output)


@click.command()
@options.daemon_config
@options.admin
@click.option(
    "-o",
    "--output",
    type=click.Choice(WatchForm, case_sensitive=False),
    default=WatchForm.TABLE,
    help="Lines for people, or a JSON object in each line.",
)
@click.option(
    "--replay",
    type=click.IntRange(0, 500),
    default=0,
    show_default=True,
    help="Begin with that many of the last events.",
)
@click.option("--once", is_flag=True, help="End with the next change: 0 where an Envoy took it, 1 where it is refused.")
@click.option("--timeout", type=click.FloatRange(min=0), default=math.inf, help="End after as many seconds.")
@click.argument("command", metavar="[-- COMMAND]", nargs=-1)
def watch(
    config: Path | None,
    admin: str | None,
    output: WatchForm,
    replay: int,
    once: bool,
    timeout: float,
    command: tuple[str, ...],
) -> None:
    """Show what changes, live.

    Files, objects, resources, which Envoy took it, and after how many ms.

    COMMAND is run as soon as it is watched what comes of it.
    """
    from egxds.cli import watch as watching
    from egxds.cli.admin import admin_address

    wanted = watching.WatchOptions(output, replay, once, timeout, command)
    raise click.exceptions.Exit(watching.watch(admin_address(config, admin), wanted))
