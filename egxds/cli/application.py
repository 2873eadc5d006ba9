"""The commands of egxds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from egxds import __version__
from egxds.app.bootstrap import XdsConnection
from egxds.app.up import EnvoyChoice
from egxds.cli import clients as client_list
from egxds.cli import daemon, hook_tests, offline
from egxds.cli import extension as authoring
from egxds.cli import hooks as hook_list
from egxds.cli import resync as refused
from egxds.cli import watch as watching
from egxds.cli.admin import ListForm, admin_address
from egxds.cli.ask_again import ask_again
from egxds.cli.hooks_group import ASK_AGAIN, HooksGroup
from egxds.cli.output import DataFormat

application = typer.Typer(
    name="egxds",
    help="A control plane that gives Envoy what Envoy Gateway gives it, without Kubernetes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Config = Annotated[Path, typer.Option("-c", "--config", help="The settings file.", show_default=False)]
MaybeConfig = Annotated[
    Path | None,
    typer.Option("-c", "--config", help="A settings file: the kinds of extensions, and the paths where none is named."),
]
Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="YAML files or directories; without any, those of the settings file.", show_default=False),
]
Gateway = Annotated[str | None, typer.Option("--gateway", help="NAMESPACE/NAME: this Gateway only.")]
GatewayClass = Annotated[str | None, typer.Option("--gateway-class", help="All Gateways of this GatewayClass.")]

EnvoyAdminPort = Annotated[int, typer.Option(help="Port of Envoy's own admin page; 0 takes a free one.")]
CaFile = Annotated[Path | None, typer.Option(help="With xds.tls: what the Envoy checks the server with.")]
CertFile = Annotated[Path | None, typer.Option(help="With mTLS: the Envoy's own certificate.")]
KeyFile = Annotated[Path | None, typer.Option(help="With mTLS: the key of that certificate.")]


DaemonConfig = Annotated[Path | None, typer.Option("-c", "--config", help="The daemon's settings file.")]
Admin = Annotated[str | None, typer.Option("--admin", help="Its admin address, if not in a settings file.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"egxds {__version__}")
        raise typer.Exit


@application.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@application.command()
def serve(config: Config) -> None:
    """Serve the watched files to Envoy until SIGTERM."""
    daemon.serve(config)


@application.command()
def up(
    config: Config,
    envoy: Annotated[Path | None, typer.Option("--envoy", help="The Envoy binary; else that of egxds[envoy].")] = None,
    gateway: Gateway = None,
    gateway_class: GatewayClass = None,
    envoy_admin_port: EnvoyAdminPort = 19000,
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
) -> None:
    """Serve, and run an Envoy beside it."""
    connection = XdsConnection(None, ca_file, cert_file, key_file)
    selector = daemon.one_selector(gateway, gateway_class)
    daemon.up(config, EnvoyChoice(envoy, selector, envoy_admin_port, connection))


@application.command()
def bootstrap(
    config: Config,
    gateway: Gateway = None,
    gateway_class: GatewayClass = None,
    node_id: Annotated[str | None, typer.Option("--node-id", help="Unique name of the Envoy; else the host's.")] = None,
    envoy_admin_port: EnvoyAdminPort = 19000,
    xds_address: Annotated[str | None, typer.Option(help="Where the Envoy finds egxds, if not at xds.address.")] = None,
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
    output: Annotated[DataFormat, typer.Option("-o", "--output")] = DataFormat.YAML,
) -> None:
    """Print the bootstrap with which an Envoy of your own connects."""
    connection = XdsConnection(xds_address, ca_file, cert_file, key_file)
    selector = daemon.one_selector(gateway, gateway_class)
    daemon.bootstrap(config, daemon.BootstrapChoice(selector, node_id, envoy_admin_port, connection), output)


@application.command()
def validate(
    paths: Paths = None,
    config: MaybeConfig = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are findings too.")] = False,
) -> None:
    """Check files as the daemon would read them: every problem with its file and line."""
    offline.validate(paths or [], config, offline.Strictness.WARNINGS if strict else offline.Strictness.ERRORS)


@application.command()
def translate(
    paths: Paths = None,
    config: MaybeConfig = None,
    kind: Annotated[
        offline.ResourceKind, typer.Option("-t", "--type", help="Which resources.")
    ] = offline.ResourceKind.ALL,
    status: Annotated[bool, typer.Option("--status", help="The status of the objects in their place.")] = False,
    output: Annotated[DataFormat, typer.Option("-o", "--output")] = DataFormat.YAML,
) -> None:
    """Print the Envoy resources that files come to, before any hook; secrets are redacted."""
    if status:
        offline.status(paths or [], config, output)
    else:
        offline.translate(paths or [], config, kind, output)


@application.command()
def clients(
    config: DaemonConfig = None,
    admin: Admin = None,
    output: Annotated[ListForm, typer.Option("-o", "--output")] = ListForm.TABLE,
) -> None:
    """List the connected Envoys: what each was sent, took and refused; exit 1 while one refuses something."""
    client_list.clients(admin_address(config, admin), output)


@application.command()
def resync(
    node_id: Annotated[
        str | None, typer.Argument(metavar="NODE", help="The id of an Envoy's node; else all.", show_default=False)
    ] = None,
    config: DaemonConfig = None,
    admin: Admin = None,
) -> None:
    """Send Envoys at once what they refused: the cause is gone, and the next try need not be waited for."""
    refused.resync(admin_address(config, admin), node_id)


@application.command()
def watch(
    config: DaemonConfig = None,
    admin: Admin = None,
    output: Annotated[watching.WatchForm, typer.Option("-o", "--output")] = watching.WatchForm.TABLE,
    replay: Annotated[int, typer.Option(min=0, max=500, help="Begin with that many of the last events.")] = 0,
    once: Annotated[
        bool, typer.Option("--once", help="End with the next change: 0 where an Envoy took it, 1 where it is refused.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, help="End after as many seconds.")] = math.inf,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND]", help="Run this when it is watched what comes of it."),
    ] = None,
) -> None:
    """Show what changes, live: files, objects, resources, which Envoy took it, and after how many ms."""
    options = watching.WatchOptions(output, replay, once, timeout, tuple(command or ()))
    raise typer.Exit(watching.watch(admin_address(config, admin), options))


hooks_application = typer.Typer(cls=HooksGroup, invoke_without_command=True)
application.add_typer(hooks_application, name="hooks")


@hooks_application.callback()
def hooks(
    context: typer.Context,
    config: DaemonConfig = None,
    admin: Admin = None,
    output: Annotated[ListForm, typer.Option("-o", "--output")] = ListForm.TABLE,
    again: Annotated[
        str | None,
        typer.Option(ASK_AGAIN, metavar="[NAME]", help="Ask the extension NAME everything again; without NAME, all."),
    ] = None,
) -> None:
    """List the extension hooks: how each is doing, and what went wrong last; exit 1 where one fails."""
    if context.invoked_subcommand is not None:
        return
    if again is not None:
        ask_again(admin_address(config, admin), again or None, output)
    else:
        hook_list.hooks(admin_address(config, admin), output)


@hooks_application.command("test")
def run_hooks(
    config: Config,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="YAML files or directories, in the place of the settings' own sources.")
    ] = None,
    golden: Annotated[Path | None, typer.Option(help="Compare with the files in this directory.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Write those files instead.")] = False,
    output: Annotated[ListForm, typer.Option("-o", "--output")] = ListForm.TABLE,
) -> None:
    """Run the hooks over files: each call, what it changed, and what was refused; exit 1 where one fails or differs."""
    hook_tests.run_hooks(config, paths or [], hook_tests.golden_files(golden, update=update), output)


extension = typer.Typer(help="For authors of extensions in Python.", no_args_is_help=True)
application.add_typer(extension, name="extension")


@extension.command("new")
def extension_new(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Empty, or not there yet.", show_default=False)],
) -> None:
    """Write a project to start from: hooks, settings, routes, a test, type stubs."""
    authoring.new(directory)


@extension.command("stubs")
def extension_stubs(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where they go; editors look for typings/.")] = Path(
        authoring.TYPINGS
    ),
) -> None:
    """Write type stubs of Envoy's messages, for editors and mypy."""
    authoring.stubs(directory)


@extension.command("serve")
def extension_serve(
    target: Annotated[str, typer.Argument(metavar="MODULE:OBJECT", help="As in service.python.", show_default=False)],
    listen: Annotated[str, typer.Option(help="HOST:PORT, or unix:PATH.", show_default=False)],
    path: Annotated[
        list[Path] | None, typer.Option(help="A directory of the code, may be repeated; else the working directory.")
    ] = None,
    cert: Annotated[Path | None, typer.Option(help="Speak TLS: the certificate chain.")] = None,
    key: Annotated[Path | None, typer.Option(help="The key of that certificate.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option("--client-ca", help="Ask clients for a certificate, and check it with these.")
    ] = None,
) -> None:
    """Serve the hooks of an object over gRPC, to egxds or to Envoy Gateway, until SIGTERM."""
    authoring.serve(target, listen, path or [], authoring.tls_of(cert, key, client_ca))
