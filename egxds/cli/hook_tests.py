"""The command that runs hooks over files, without a daemon and without Envoy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import anyio
import click
import yaml

from egxds.app.rehearsal import Rehearsal, rehearse
from egxds.cli.load import load_file_settings, load_settings, working_directory
from egxds.cli.offline import build_of, errors_of
from egxds.cli.output import FINDINGS, USAGE, DataFormat, ListForm, write_data, write_line, write_message
from egxds.errors import StartError
from egxds.settings.daemon import FileSource, Settings, Sources
from egxds.telemetry import configure_logging

_MARK = "# Written by egxds hooks test --update.\n"


@dataclass(frozen=True, slots=True)
class Golden:
    """Files that say what hooks are to do, one for each Gateway.

    Attributes:
        directory: where they are.
        is_update: whether they are to be written, and not compared with.
    """

    directory: Path
    is_update: bool


def golden_files(directory: Path | None, *, update: bool) -> Golden | None:
    """Return what the options ask for; to write without saying where is a usage error."""
    if directory is None and update:
        write_message("--update writes into the directory that --golden names; give both")
        raise click.exceptions.Exit(USAGE)
    return Golden(directory, update) if directory is not None else None


def run_hooks(config: Path, paths: list[Path], golden: Golden | None, form: ListForm) -> None:
    """Print each call of a hook, and what it changed.

    Exit 1 where a file has an error, or where a call failed; with golden files where what the hooks did differs.

    Args:
        config: the settings file.
        paths: what to read in the place of its sources.
        golden: what to compare with, or to write.
        form: lines for people, or data.
    """
    settings = load_settings(config) if paths else load_file_settings(config)
    configure_logging(settings.logging.model_copy(update={"level": "error"}))
    base = config.absolute().parent
    build = build_of(_reading(settings, base, paths))
    errors = errors_of(build)
    for error in errors:
        write_message(str(error))
    try:
        found = anyio.run(rehearse, settings, base, build)
    except StartError as err:
        write_message(str(err))
        raise click.exceptions.Exit(FINDINGS) from err
    _print(found, form)
    if golden is not None and golden.is_update:
        _write(golden.directory, found)
        is_fine = True
    elif golden is not None:
        is_fine = _is_as_written(golden.directory, found)
    else:
        is_fine = not any(one.has_failures for one in found)
    if errors or not is_fine:
        raise click.exceptions.Exit(FINDINGS)


def _reading(settings: Settings, base: Path, paths: list[Path]) -> Settings:
    below = [working_directory() / path for path in paths] or [base / path for path in settings.sources.in_files.paths]
    sources = Sources(files=FileSource(paths=tuple(map(str, below))))
    return settings.model_copy(update={"sources": sources})


def _print(found: tuple[Rehearsal, ...], form: ListForm) -> None:
    if form is not ListForm.TABLE:
        write_data({"items": [one.render() for one in found]}, DataFormat(form.value))
        return
    for one in found:
        write_line(f"Gateway {one.gateway}: {one.outcome}, {len(one.calls)} calls")
        for line in chain.from_iterable(map(_lines, one.calls)):
            write_line(line)
    if not any(one.calls for one in found):
        write_message("no hook was asked anything")


def _lines(call: Any) -> Iterator[str]:
    extension = f"extension {call['manager']}" if call["manager"] else "the extension"
    yield f"  {call['hook']} hook of {extension} on {call['subject']}: {call['result']}"
    yield from (f"    {line}" for line in call.get("difference", ()))
    if "error" in call:
        policy = f" ({call['onFailure']})" if "onFailure" in call else ""
        yield f"    {call['error']}{policy}"


def _text(one: Rehearsal) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return _MARK + yaml.dump(one.render(), Dumper=dumper, sort_keys=False, width=120)


def _path(directory: Path, gateway: str) -> Path:
    return directory / f"{gateway.replace('/', '_')}.yaml"


def _written(directory: Path) -> Iterable[Path]:
    """Return the golden files that are there."""
    return (path for path in sorted(directory.glob("*.yaml")) if path.read_text(encoding="utf-8").startswith(_MARK))


def _write(directory: Path, found: tuple[Rehearsal, ...]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    texts = {_path(directory, one.gateway): _text(one) for one in found}
    for path in _written(directory):
        if path not in texts:
            path.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    write_message(f"wrote {len(texts)} golden files to {directory}")


def _is_as_written(directory: Path, found: tuple[Rehearsal, ...]) -> bool:
    """Say where what the hooks did differs from what is written; return whether it does not."""
    now = {_path(directory, one.gateway): _text(one) for one in found}
    before = {path: path.read_text(encoding="utf-8") for path in _written(directory)}
    differing = sorted(path for path in now.keys() | before.keys() if now.get(path) != before.get(path))
    for path in differing:
        write_message(f"{path}: differs from what the hooks did; --update writes it")
        was, is_ = (texts.get(path, "").splitlines() for texts in (before, now))
        for line in difflib.unified_diff(was, is_, str(path), "now", lineterm="", n=1):
            write_message(f"  {line}")
    return not differing
