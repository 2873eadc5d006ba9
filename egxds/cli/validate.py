"""The command that says what is wrong with files."""

from __future__ import annotations

from pathlib import Path

import click

from egxds.app.pipeline import Build
from egxds.cli.envoy_findings import envoy_problems
from egxds.cli.findings import Findings, write_findings
from egxds.cli.hook_faults import hook_faults
from egxds.cli.load import settings_for
from egxds.cli.offline import build_of, problems_of
from egxds.cli.options import EnvoyBinary, FindingsForm, Strictness
from egxds.cli.output import FINDINGS, write_message
from egxds.settings.daemon import Settings
from egxds.settings.notes import notes_of


def validate(
    paths: list[Path], config: Path | None, strictness: Strictness, envoy: EnvoyBinary | None, form: FindingsForm
) -> None:
    """Print every problem of the files; exit 1 where there is one that counts.

    Args:
        paths: files, directories and standard input; without any, those of the settings file.
        config: the settings file, whose hooks that are Python objects are loaded, too.
        strictness: which problems count.
        envoy: is asked what it takes; None where only egxds says what is wrong.
        form: lines for people and editors, or data.
    """
    checked(settings_for(paths, config), config, strictness, form, envoy)


def checked(
    settings: Settings,
    config: Path | None,
    strictness: Strictness,
    form: FindingsForm = FindingsForm.TABLE,
    envoy: EnvoyBinary | None = None,
) -> Build:
    """Print every problem of the files; exit 1 where there is one that counts, else return what they come to.

    Args:
        settings: name the files.
        config: the settings file.
        strictness: which problems count.
        form: lines for people and editors, or data.
        envoy: is asked what it takes; None where only egxds says what is wrong.
    """
    for note in notes_of(settings):
        write_message(f"{config}: warning: {note}")
    build = build_of(settings)
    faults = hook_faults(settings, config) if config is not None else ()
    refused = envoy_problems(build, settings, envoy.path) if envoy is not None else ()
    found = Findings((*problems_of(build), *faults, *refused), build.state.count())
    write_findings(found, form)
    write_message(f"{found.objects} objects, {found.errors} errors, {found.warnings} warnings")
    if found.errors or (found.warnings and strictness is Strictness.WARNINGS):
        raise click.exceptions.Exit(FINDINGS)
    return build
