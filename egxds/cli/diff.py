"""The command that compares what two sets of files come to, or what a daemon serves with files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from egxds.app.pipeline import Build
from egxds.cli.admin import admin_address, fetch
from egxds.cli.generation_names import GenerationName
from egxds.cli.load import check_there, settings_for
from egxds.cli.offline import build_of, errors_of
from egxds.cli.output import FINDINGS, USAGE, DataFormat, ListForm, write_data, write_line, write_message
from egxds.inspect.comparison import Json, compare
from egxds.inspect.config_dump import config_dump
from egxds.names import PUSH_ORDER
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.snapshot.unhooked import unhooked_snapshot

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared.

    Attributes:
        paths: two, be they generations, or, with `is_live`, the files; without any, those of the settings file.
        config: the settings file.
        is_live: whether the first is what a daemon has in force.
        admin: address of its admin API; None for that of the settings file, or the usual one.
    """

    paths: list[Path]
    config: Path | None
    is_live: bool
    admin: str | None


def diff(compared: Compared, form: ListForm) -> None:
    """Print what is other; exit 1 where anything is, and 2 or more where they cannot be compared.

    Args:
        compared: what.
        form: lines for people, or all of it.
    """
    before, after = _live(compared) if compared.is_live else _files(compared)
    found = compare(before, after)
    if form is not ListForm.TABLE:
        write_data(found, DataFormat(form.value))
    else:
        write_comparison(found)
    if not found["same"]:
        raise click.exceptions.Exit(FINDINGS)


def write_comparison(found: Mapping[str, object]) -> None:
    """Print what is other, as `compare` returns it, for people."""
    for line in _lines(found):
        write_line(line)


def resources_of(build: Build) -> list[Json]:
    """Return what files come to, as the admin API has what is in force."""

    def locate(keys: Any) -> tuple[Location, ...]:
        found: Iterator[ObjectKey] = iter(keys)
        items = (build.state.find(key) for key in found)
        return tuple(sorted(build.state.locate(item) for item in items if item is not None))

    snapshots = {name: unhooked_snapshot(build.translations[name]) for name in sorted(build.translations)}
    return list(config_dump(snapshots, PUSH_ORDER, locate))


def _files(compared: Compared) -> tuple[list[Json], list[Json]]:
    if len(compared.paths) != 2 or compared.admin is not None:
        write_message("name two files, directories or generations, or compare files with a daemon: --live")
        raise click.exceptions.Exit(USAGE)
    published = _published(compared)
    first, second = (
        _told(published[path]) if path in published else _resources([path], compared.config) for path in compared.paths
    )
    return first, second


def _published(compared: Compared) -> Mapping[Path, Build]:
    """Return what the generations among what is compared come to."""
    names = {path: name for path in compared.paths if (name := GenerationName.of(path)) is not None}
    if not names:
        return {}
    from egxds.cli.published_builds import published_builds

    try:
        builds = published_builds(compared.config, tuple(names.values()))
    except click.exceptions.Exit as err:
        # A store that cannot be asked is no difference.
        raise click.exceptions.Exit(max(err.exit_code, USAGE)) from err
    return {path: builds[name] for path, name in names.items()}


def _live(compared: Compared) -> tuple[list[Json], list[Json]]:
    files = _resources(compared.paths, compared.config)
    address = compared.admin or admin_address(compared.config, None)
    try:
        in_force, hooks = (fetch(address, f"/api/v1/{page}")["items"] for page in ("config_dump", "hooks"))
    except click.exceptions.Exit as err:
        # A daemon that cannot be asked is no difference.
        raise click.exceptions.Exit(max(err.exit_code, USAGE)) from err
    if hooks:
        write_message("extensions have changed what is in force; files are compared as they are before any hook")
    return in_force, files


def _resources(paths: list[Path], config: Path | None) -> list[Json]:
    """Return what files come to; their errors are said."""
    check_there(paths)
    try:
        build = build_of(settings_for(paths, config))
    except click.exceptions.Exit as err:
        raise click.exceptions.Exit(max(err.exit_code, USAGE)) from err
    return _told(build)


def _told(build: Build) -> list[Json]:
    for problem in errors_of(build):
        write_message(str(problem))
    return resources_of(build)


def _lines(found: Any) -> Iterator[str]:
    gateway = None
    for change in found["changes"]:
        if change["gateway"] != gateway:
            gateway = change["gateway"]
            yield f"Gateway {gateway}"
        yield from _change(change)
    counts = found["counts"]
    if found["same"]:
        yield "the same"
    else:
        yield f"{counts['added']} added, {counts['removed']} removed, {counts['changed']} changed; {_drains(found)}"


def _change(change: Any) -> Iterator[str]:
    places = ", ".join(f"{place['file']}:{place['line']}" for place in change["sources"][:1])
    yield f"{_SIGNS[change['change']]} {change['type']} {change['name']}{f' ({places})' if places else ''}"
    drain = change.get("drains")
    if drain:
        what = "all its connections" if drain["all"] else f"connections of {', '.join(drain['filterChains'])}"
        yield f"{_INDENT}drains {what}: {drain['reason']}"
    if change["onlyInSecrets"]:
        yield f"{_INDENT}what differs is hidden here"
    yield from (f"{_INDENT}{line}" for line in change["difference"])


def _drains(found: Any) -> str:
    listeners = ", ".join(change["name"] for change in found["changes"] if "drains" in change)
    return f"connections drain at {listeners}" if listeners else "no connection drains"
