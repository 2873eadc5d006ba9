"""What of checked files is published, or what keeps them from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import click

from egxds.app.pipeline import Build
from egxds.cli.load import working_directory
from egxds.cli.output import FINDINGS, write_line
from egxds.model.api.core import SECRET
from egxds.problems import Location, Problem, error
from egxds.published.content import Content, content_of, faults_of, text_of
from egxds.published.encryption import Encryption
from egxds.published.limits import limits_of
from egxds.settings.etcd import EtcdSource
from egxds.shown_text import shown_name

_REFUSED = (
    "holds values, and is not published: where whoever may read the prefix in etcd, or a backup of it, may read them, "
    "say sources.etcd.allowSecrets: true; where nobody is to, give sources.etcd.keyFile"
)


def publishable(build: Build, paths: list[Path], source: EtcdSource, encryption: Encryption) -> Content:
    """Return the content of files that are fine; where they cannot be published, say why and exit 1.

    Args:
        build: what they come to.
        paths: as they were named.
        source: says what is taken.
        encryption: of what stands in the store.
    """
    published = published_paths(build.state.files, paths)
    content = content_of({path: text_of(build.state.files[name]) for name, path in published.items()}, encryption)
    problems = [
        *_taken_twice(published),
        *(_as_named(problem, published, paths) for problem in faults_of(content, limits_of(source))),
        *(() if source.takes_secrets else _secrets(build)),
    ]
    for problem in sorted(problems, key=lambda each: each.location):
        write_line(str(problem))
    if problems:
        raise click.exceptions.Exit(FINDINGS)
    return content


def published_paths(names: Mapping[str, object], paths: list[Path]) -> Mapping[str, str]:
    """Return under which path each file is published: that below the directory that was named, or its own name.

    Args:
        names: of files, as they are shown.
        paths: as they were named.
    """
    base = working_directory()
    top = shown_name(str(base)).rstrip("/")
    roots = [shown_name(str(base / path)).rstrip("/") for path in paths]
    whole = {name: name if name.startswith("/") else f"{top}/{name}" for name in names}
    return {name: _below(path, roots) for name, path in whole.items()}


def _below(path: str, roots: list[str]) -> str:
    found = next((path.removeprefix(f"{root}/") for root in roots if path.startswith(f"{root}/")), None)
    return found or path.rpartition("/")[2]


def _taken_twice(published: Mapping[str, str]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, path in sorted(published.items()):
        if path in first:
            yield error(Location(name, 0), f"would be published as {path}, as {first[path]} is: rename one")
        first.setdefault(path, name)


def _as_named(problem: Problem, published: Mapping[str, str], paths: list[Path]) -> Problem:
    """Return a problem of a published file as one of the file that it is published from."""
    names = {path: name for name, path in published.items()}
    name = names.get(problem.location.file, ", ".join(map(str, paths)))
    return replace(problem, location=replace(problem.location, file=name))


def _secrets(build: Build) -> Iterator[Problem]:
    for key, item in build.state.of(SECRET).items():
        if item.content.data:
            yield error(build.state.locate(item), _REFUSED, str(key))
