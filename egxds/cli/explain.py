"""The command that says who would take a request, and why: asked of a running daemon, or of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from egxds.cli.admin import fetch
from egxds.cli.output import FINDINGS, USAGE, DataFormat, ListForm, write_data, write_line, write_message
from egxds.cli.status import backend_lines
from egxds.inspect.explain.question import Question, QuestionError, ask

_INDENT = "  "


def question_of(url: str, headers: list[str], method: str | None, address: str | None) -> Question:
    """Read what is asked; what is no question is said, and ends the command with exit code 2."""
    try:
        return ask(url, headers, method, address)
    except QuestionError as err:
        write_message(str(err))
        raise click.exceptions.Exit(USAGE) from err


def check_no_files(paths: list[Path] | None, config: Path | None) -> None:
    """Refuse files beside the address of a daemon, which ends the command with exit code 2."""
    if paths or config is not None:
        write_message("give files, or a settings file, or --admin: by which of them is it to be explained?")
        raise click.exceptions.Exit(USAGE)


def explain_in_force(admin: str, question: Question, headers: list[str], gateway: str | None, form: ListForm) -> None:
    """Print what becomes of a request by what a daemon serves.

    Args:
        admin: address of its admin API: `host:port` or `unix:/path`.
        question: what is asked.
        headers: as they were given.
        gateway: the only one that is meant; None for all.
        form: lines for people, or all that there is.
    """
    asked = [("url", question.url), ("method", question.method), *(("header", each) for each in headers)]
    asked += [(name, value) for name, value in (("gateway", gateway), ("address", question.address)) if value]
    print_explanation(fetch(admin, f"/api/v1/explain?{urlencode(asked)}"), form)


def print_explanation(found: Any, form: ListForm) -> None:
    """Print an explanation; exit 1 where the request is not served as somebody would want it.

    Args:
        found: as the admin API has it.
        form: lines for people, or all of it.
    """
    if form is not ListForm.TABLE:
        write_data(found, DataFormat(form.value))
    else:
        for line in _lines(found):
            write_line(line)
    if not all(answer["fine"] for answer in found["answers"]):
        raise click.exceptions.Exit(FINDINGS)


def _lines(found: Any) -> Iterator[str]:
    for position, answer in enumerate(found["answers"]):
        if position:
            yield ""
        yield from _answer(found["url"], answer)
    # Of files, no Envoy can be asked.
    if "backends" in found and any(taking["backends"] for answer in found["answers"] for taking in answer["takes"]):
        yield from _section("how Envoys find the backends:", _reach(found))


def _answer(url: str, answer: Any) -> Iterator[str]:
    for taking in answer["takes"]:
        condition = f"it depends {taking['if']}: " if taking["if"] else ""
        status = f"{taking['status']}, " if taking["status"] else ""
        yield f"{url}: {condition}{status}{taking['text']}"
    if answer["gateway"]:
        yield f"{_INDENT}Gateway {answer['gateway']}"
    for step in answer["way"]:
        yield f"{_INDENT}{step['what']} {step['name']}{_note(step['text'])}{_place(step)}"
    steps = {step["name"] for step in answer["way"]}
    for taking in answer["takes"]:
        yield from _taking(taking, steps)
    yield from _section("did not take it:", map(_lost, answer["lost"]))
    yield from _section("what is known of the reason:", answer["reasons"])
    yield from _section("look at:", answer["hints"])


def _reach(found: Any) -> Iterator[str]:
    yield from (text for answer in found["answers"] for text in answer["unreached"])
    yield from backend_lines(found["backends"])


def _taking(taking: Any, steps: set[str]) -> Iterator[str]:
    if taking["name"] and taking["name"] not in steps:
        of_object = f", of {taking['object']}{_place(taking)}" if taking["object"] else ""
        yield f"{_INDENT}route {taking['name']}{of_object}"
    for backend in taking["backends"]:
        share = f" ({backend['share']})" if backend["share"] else ""
        more = backend["endpointCount"] - len(backend["endpoints"])
        where = ", ".join([*backend["endpoints"], *([f"{more} more"] if more else [])]) or backend["fault"]
        objects = f" {', '.join(backend['objects'])}," if backend["objects"] else ""
        yield f"{_INDENT}cluster {backend['cluster']}{share}:{objects} {where or 'found by Envoy itself'}"
    if taking["path"]:
        yield f"{_INDENT}the backend sees {taking['host']}{taking['path']}"


def _section(title: str, lines: Any) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield f"{_INDENT}{title}"
        yield from (f"{_INDENT}{_INDENT}{line}" for line in listed)


def _lost(step: Any) -> str:
    return f"{step['object'] or step['name']}{_place(step)}{_note(step['text'])}"


def _note(text: str) -> str:
    return f": {text}" if text else ""


def _place(about: Any) -> str:
    source = about["source"]
    return f" ({source['file']}:{source['line']})" if source else ""
