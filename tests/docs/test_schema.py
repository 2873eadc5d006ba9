"""The schema of the settings file is as the code says, and every settings file of the project is valid by it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from egxds.names import ENVOY_GATEWAY_KIND
from egxds.yaml_input.load import load
from tests.docs.blocks import ROOT, blocks
from tests.docs.tables import SCHEMA, schema_text

_LINE = "# yaml-language-server: $schema="
_LEAST = "sources: {files: {paths: [routes/]}}\n"

FILES = sorted(path for folder in ("config", "egxds") for path in (ROOT / folder).rglob("egxds.yaml"))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def shown(page: Path) -> list[str]:
    """Return the settings files of a page, whole ones and parts; those of Envoy Gateway have a schema of their own."""
    found = []
    for block in blocks(page):
        is_whole = block.detail.endswith("egxds.yaml") or block.text.startswith(("# egxds.yaml", "sources:"))
        if block.language == "yaml" and is_whole and ENVOY_GATEWAY_KIND not in block.text:
            found.append(block.text)
        elif block.kind == "settings":
            found.append(_LEAST + block.text)
    return found


SHOWN = [
    pytest.param(text, id=f"{page.stem}-{position}") for page in PAGES for position, text in enumerate(shown(page))
]


def _faults(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(load(text))]


def test_it_is_as_the_code_says() -> None:
    """An editor that has it from the repository has the one of `egxds schema`."""
    assert SCHEMA.read_text() == schema_text(), "write it: python -m tests.docs.tables"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_valid(path: Path) -> None:
    """Those that come with egxds, and with a new project of `egxds extension new`."""
    assert _faults(path.read_text()) == []


@pytest.mark.parametrize("text", SHOWN)
def test_what_pages_show_is_valid(text: str) -> None:
    """Whole files and parts."""
    assert _faults(text) == []


def test_files_and_pages_are_found() -> None:
    """A search that finds nothing would hold nothing."""
    assert len(FILES) >= 4
    assert len(SHOWN) >= 10


def test_the_quickstart_names_it() -> None:
    """By a path that leads there."""
    path = ROOT / "config" / "quickstart" / "egxds.yaml"
    first = path.read_text().splitlines()[0]
    assert (path.parent / first.removeprefix(_LINE)).resolve() == SCHEMA.resolve()
