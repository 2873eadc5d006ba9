"""Explains a request by what files come to, before any hook, without a daemon."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from egxds.app.pipeline import Build
from egxds.cli.explain import print_explanation
from egxds.cli.load import check_there, settings_for
from egxds.cli.offline import build_of
from egxds.cli.output import USAGE, ListForm, write_message
from egxds.incremental.revision import Revision
from egxds.inspect.explain.answers import Answer
from egxds.inspect.explain.explain import Snapshots, explain
from egxds.inspect.explain.origins import Origin
from egxds.inspect.explain.question import Question, split_port
from egxds.inspect.explain.reasons import keys_on_the_way, reasons
from egxds.inspect.objects import ObjectFilter, ObjectView
from egxds.problems import Location
from egxds.snapshot.unhooked import unhooked_snapshot


def explain_files(
    paths: list[Path], config: Path | None, question: Question, gateway: str | None, form: ListForm
) -> None:
    """Print what becomes of a request by what files say.

    Args:
        paths: files and directories; without any, those of the settings file.
        config: the settings file.
        question: what is asked.
        gateway: the only one that is meant; None for all.
        form: lines for people, or all that there is.
    """
    check_there(paths)
    settings = settings_for(paths, config)
    build = build_of(settings)
    if settings.extensions:
        write_message("by files alone: the extensions of the settings file are not asked")
    view = ObjectView()
    view.note(build.judged(), Revision(), datetime.now(UTC))

    def locate(origin: Origin) -> Location | None:
        item = build.state.find(origin.key)
        return build.state.locate(item, origin.path) if item is not None else None

    answers = explain(question, _snapshots(build, gateway))
    described = [
        {**answer.describe(locate), "reasons": _reasons(answer, split_port(question.authority)[0], view)}
        for answer in answers
    ]
    print_explanation({"url": question.url, "answers": described}, form)


def _snapshots(build: Build, gateway: str | None) -> Snapshots:
    if gateway is not None and gateway not in build.translations:
        write_message(f"no Gateway {gateway!r}; there are: {', '.join(sorted(build.translations)) or 'none'}")
        raise click.exceptions.Exit(USAGE)
    wanted = (name for name in sorted(build.translations) if gateway in (None, name))
    return {name: unhooked_snapshot(build.translations[name]) for name in wanted}


def _reasons(answer: Answer, host: str, view: ObjectView) -> list[str]:
    wanted = (ObjectFilter(key.kind, key.namespace, key.name) for key in keys_on_the_way(answer))
    return reasons(answer, host, (), [view.render(each) for each in wanted])
