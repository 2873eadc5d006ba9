"""Options and arguments that several commands take."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

import click

from egxds.cli.output import DataFormat, ListForm

TYPINGS = "typings"
"""Where pyright and Pylance look for stubs without being told."""

FILE = click.Path(path_type=Path)
"""What there is at the path is said by whoever reads it, together with what is in it."""


class Strictness(enum.Enum):
    """Which problems make `validate` fail."""

    ERRORS = "errors"
    WARNINGS = "warnings"


@dataclass(frozen=True, slots=True)
class EnvoyBinary:
    """An Envoy that is asked what it takes.

    Attributes:
        path: where it is; None for that of the extra `egxds[envoy]`.
    """

    path: Path | None


class FindingsForm(enum.Enum):
    """The form of findings on standard output."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    SARIF = "sarif"


class WatchForm(enum.Enum):
    """The form of events on standard output: lines for people, or a JSON object in each line."""

    TABLE = "table"
    JSON = "json"


class ResourceKind(enum.Enum):
    """Types of resources, as `translate -t` names them."""

    LISTENER = "listener"
    ROUTE = "route"
    CLUSTER = "cluster"
    ENDPOINT = "endpoint"
    SECRET = "secret"  # noqa: S105 the word for a type, not a password
    EXTENSION = "extension"
    ALL = "all"


paths = click.argument("paths", type=FILE, nargs=-1)

config = click.option("-c", "--config", type=FILE, required=True, help="The settings file.")
maybe_config = click.option(
    "-c", "--config", type=FILE, help="A settings file: the kinds of extensions, and the paths where none is named."
)
daemon_config = click.option("-c", "--config", type=FILE, help="The daemon's settings file.")
admin = click.option("--admin", metavar="ADDRESS", help="Its admin address, if not in a settings file.")

gateway = click.option("--gateway", metavar="NAMESPACE/NAME", help="This Gateway only.")
gateway_class = click.option("--gateway-class", metavar="NAME", help="All Gateways of this GatewayClass.")

envoy_admin_port = click.option(
    "--envoy-admin-port",
    type=int,
    default=19000,
    show_default=True,
    help="Port of Envoy's own admin page; 0 takes a free one.",
)
zone = click.option(
    "--zone", metavar="ZONE", default="", help="Zone that the Envoy stands in; policies may have requests stay there."
)
other_zones = click.option(
    "--other-zone",
    "other_zones",
    metavar="ZONE",
    multiple=True,
    help="With --zone: that of another Envoy that gets a part of the same traffic; once for each.",
)
ca_file = click.option("--ca-file", type=FILE, help="With xds.tls: what the Envoy checks the server with.")
cert_file = click.option("--cert-file", type=FILE, help="With mTLS: the Envoy's own certificate.")
key_file = click.option("--key-file", type=FILE, help="With mTLS: the key of that certificate.")
server_name = click.option(
    "--server-name",
    metavar="NAME",
    multiple=True,
    help="With xds.tls: a URI, host or address that the server's certificate has; else those of xds.tls.certFile.",
)
sds_dir = click.option(
    "--sds-dir",
    type=FILE,
    help="With xds.tls: a directory for two files by which the Envoy reads its certificates again when they change.",
)


def duration(text: str) -> float:
    """Return the seconds of a time such as `30s`, as the settings file has them."""
    from egxds.settings.quantities import seconds

    try:
        return seconds(text)
    except ValueError as err:
        raise click.BadParameter(str(err)) from err


class FleetScope(enum.Enum):
    """Which replicas are shown, where several follow what is published."""

    ALL = "all"
    LOCAL = "local"


fleet_scope = click.option(
    "--local",
    "scope",
    flag_value=FleetScope.LOCAL,
    default=FleetScope.ALL,
    type=FleetScope,
    help="Show the one that is asked, where several replicas follow what is published.",
)

data_output = click.option(
    "-o",
    "--output",
    type=click.Choice(DataFormat, case_sensitive=False),
    default=DataFormat.YAML,
    help="The form of what is printed; YAML where not said.",
)
list_output = click.option(
    "-o",
    "--output",
    type=click.Choice(ListForm, case_sensitive=False),
    default=ListForm.TABLE,
    help="The form of what is printed; a table where not said.",
)

resource_kind = click.option(
    "-t",
    "--type",
    "kind",
    type=click.Choice(ResourceKind, case_sensitive=False),
    default=ResourceKind.ALL,
    help="Which resources; all where not said.",
)
