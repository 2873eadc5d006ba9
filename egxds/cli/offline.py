"""Commands that need no daemon: what files say, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from egxds import names
from egxds.app.file_source import FileTrees
from egxds.app.given_tree import GivenTree
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.pipeline import Build, Pipeline
from egxds.cli.load import settings_for
from egxds.cli.options import ResourceKind
from egxds.cli.output import FINDINGS, DataFormat, write_data, write_message
from egxds.cli.progress import progress
from egxds.cli.standard_input import base_directory
from egxds.files.documents.document import FileTree
from egxds.files.reading.content import Scan
from egxds.incremental.revision import Revision
from egxds.inspect.objects import ObjectView
from egxds.inspect.problem_book import ProblemBook
from egxds.problems import Problem, Severity
from egxds.resources.json import render_body
from egxds.resources.resource import Resource, Resources
from egxds.resources.translation import GatewayTranslation
from egxds.settings.daemon import Settings


def translate(paths: list[Path], config: Path | None, kind: ResourceKind, form: DataFormat) -> None:
    """Print what the files come to, by Gateway and type; exit 1 where an object was refused."""
    build = build_of(settings_for(paths, config))
    write_data({name: _render(gateway, kind) for name, gateway in sorted(build.translations.items())}, form)
    errors = errors_of(build)
    for problem in errors:
        write_message(str(problem))
    if errors:
        raise click.exceptions.Exit(FINDINGS)


def status(paths: list[Path], config: Path | None, form: DataFormat) -> None:
    """Print what `/api/v1/objects` says of a daemon that has read the files, before any hook."""
    build = build_of(settings_for(paths, config))
    view = ObjectView()
    view.note(build.judged(), Revision(), datetime.now(UTC))
    page = view.render()
    write_data({"items": list(page.items), "problems": list(page.problems)}, form)


def build_of(settings: Settings) -> Build:
    """Return what files come to; where that is too much for the memory, say so and exit 1."""
    try:
        with progress("reading files"), base_directory(settings.sources.in_files.paths) as base:
            return Pipeline(settings, FileTrees(settings, base)).run(Scan.ALL)
    except LoadTooLargeError as err:
        write_message(str(err))
        raise click.exceptions.Exit(FINDINGS) from err


def build_of_tree(settings: Settings, tree: FileTree) -> Build:
    """Return what files come to that stand elsewhere; where that is too much for the memory, say so and exit 1."""
    try:
        return Pipeline(settings, GivenTree(tree)).run(Scan.ALL)
    except LoadTooLargeError as err:
        write_message(str(err))
        raise click.exceptions.Exit(FINDINGS) from err


def errors_of(build: Build) -> list[Problem]:
    """Return the errors of files."""
    return [problem for problem in problems_of(build) if problem.severity is Severity.ERROR]


def problems_of(build: Build) -> tuple[Problem, ...]:
    """Return everything that is wrong with files, sorted by place."""
    return ProblemBook().update(build.judged(), datetime.now(UTC)).appeared


def _render(gateway: GatewayTranslation, kind: ResourceKind) -> dict[str, list[object]]:
    rendered: dict[str, list[object]] = {}
    for resource in _resources(gateway):
        word = names.SHORT_NAMES[resource.type_url]
        if kind in (ResourceKind.ALL, ResourceKind(word)):
            rendered.setdefault(word + "s", []).append(render_body(resource.type_url, resource.body))
    return rendered


def _resources(gateway: GatewayTranslation) -> Iterable[Resource]:
    yield from _sorted(gateway.listeners)
    yield from (configuration.resource() for _, configuration in sorted(gateway.route_configurations.items()))
    yield from _sorted(gateway.clusters)
    yield from _sorted(gateway.endpoints)
    yield from _sorted(gateway.secrets)
    yield from _sorted(gateway.extension_configs)


def _sorted(resources: Resources) -> Iterable[Resource]:
    return (resources[name] for name in sorted(resources))
