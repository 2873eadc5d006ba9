"""What an Envoy says of files, as problems of the Gateways that they define."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from egxds.app.envoy import find_envoy
from egxds.app.envoy_check import refusal_of
from egxds.app.pipeline import Build
from egxds.cli.output import USAGE, write_message
from egxds.cli.progress import progress
from egxds.errors import StartError
from egxds.model.api.gateway import GATEWAY
from egxds.problems import Problem, error
from egxds.settings.daemon import Settings


def envoy_problems(build: Build, settings: Settings, explicit: Path | None) -> tuple[Problem, ...]:
    """Return the Gateways that an Envoy does not take; where none can be run, say so and exit 2.

    Args:
        build: what files come to.
        settings: those of the daemon.
        explicit: where the binary is; None for that of the extra `egxds[envoy]`.
    """
    try:
        with progress("asking Envoy"):
            return tuple(_problems(build, settings, find_envoy(explicit)))
    except StartError as err:
        write_message(str(err))
        raise click.exceptions.Exit(USAGE) from err


def _problems(build: Build, settings: Settings, binary: Path) -> Iterator[Problem]:
    gateways = build.state.of(GATEWAY)
    for name, translation in sorted(build.translations.items()):
        gateway = gateways.get(GATEWAY.key(*name.split("/")))
        if gateway is None:
            continue
        said = refusal_of(binary, settings, translation)
        if said:
            message = f"Envoy does not take what it comes to: {said}"
            yield error(build.state.locate(gateway), message, str(gateway.key))
