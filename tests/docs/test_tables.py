"""What documents show of the code is what the code says."""

import copy
import json
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from egxds import names
from egxds.settings.limits import AdminLimits, XdsLimits
from egxds.settings.text import parse_settings
from egxds.yaml_input.load import load
from tests.docs import telemetry_tables
from tests.docs.settings_table import Row, settings_rows
from tests.docs.tables import (
    BEYOND,
    DOCUMENT,
    DOCUMENTS,
    SECURITY,
    TABLES,
    limits_of_ports,
    marked,
    push_order,
    render,
    type_policies,
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tables_are_as_the_code_says(document: Path) -> None:
    """Each document is what `python -m tests.docs.tables` writes."""
    text = document.read_text(encoding="utf-8")
    assert text == render(text), "write it: python -m tests.docs.tables"


def test_every_table_is_shown() -> None:
    """Each once: a marker that is misspelt would leave its table as it is for ever."""
    shown = [name for document in DOCUMENTS for name in marked(document.read_text(encoding="utf-8"))]
    assert sorted(shown) == sorted(TABLES)


def test_the_text_around_a_table_stays() -> None:
    """Only what stands between two markers is written."""
    text = "before\n<!-- table: push order -->\nold\n<!-- end of push order -->\nafter\n"
    assert render(text) == f"before\n<!-- table: push order -->\n\n{push_order()}\n<!-- end of push order -->\nafter\n"


def test_every_served_type_has_a_policy() -> None:
    """None of them is served by the plain rules alone without that being seen."""
    rows = {line.split(" | ")[0].removeprefix("| ") for line in type_policies().splitlines()}
    assert {type_url.rpartition(".")[2] for type_url in names.PUSH_ORDER} <= rows


@pytest.mark.parametrize("document", [DOCUMENT, SECURITY], ids=lambda path: path.name)
def test_every_path_that_is_named_exists(document: Path) -> None:
    """Who follows the page to a file finds it."""
    text = document.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:egxds|tests|protos)/[\w/.-]+)`", text)
    assert len(paths) > 15
    assert [path for path in paths if not (document.parent / path).exists()] == []


def test_every_setting_says_what_it_is_for() -> None:
    """A key without a word in its model's docstring would stand in the reference without one."""
    assert [row.key for row in settings_rows() if not row.purpose] == []


_WITH_DEFAULT = [
    row
    for row in settings_rows()
    if "`" in row.default and "[]" not in row.key and not row.key.startswith("extensionManager")
]
_FILES, _ETCD = {"files": {"paths": ["routes/"]}}, {"etcd": {"endpoints": ["127.0.0.1:2379"]}}


def _needed(row: Row) -> dict[str, Any]:
    """Return what has to stand beside a key for it to be allowed."""
    sources = _ETCD if row.key.startswith("sources.etcd.") else _FILES
    return {"sources": copy.deepcopy(sources), "xds": {"tls": {"certFile": "tls.crt", "keyFile": "tls.key"}}}


@pytest.mark.parametrize("row", _WITH_DEFAULT, ids=lambda row: row.key)
def test_a_default_is_written_as_the_file_has_it(row: Row) -> None:
    """Who writes it down changes nothing."""
    least, more = _needed(row), _needed(row)
    *blocks, last = row.key.split(".")
    reduce(lambda block, key: block.setdefault(key, {}), blocks, more)[last] = load(row.default.strip("`"))
    assert parse_settings(json.dumps(more), "more.yaml") == parse_settings(json.dumps(least), "least.yaml")


def test_every_label_is_explained() -> None:
    """And none that no metric has."""
    of_metrics = {(name, label) for name, _, of_one, _ in telemetry_tables.known_metrics() for label in of_one}
    assert {label for _, label in of_metrics} == {*telemetry_tables.LABELS, "result"}
    assert {name for name, label in of_metrics if label == "result"} == telemetry_tables.RESULTS.keys()


def test_every_limit_is_shown() -> None:
    """One that the docstring of its settings did not name would be missing."""
    shown = set(re.findall(r"(?m)^\| `([\w.]+)`", limits_of_ports()))
    fields: dict[str, type[BaseModel]] = {"xds.limits": XdsLimits, "admin.limits": AdminLimits}
    known = {f"{key}.{field.alias}" for key, model in fields.items() for field in model.model_fields.values()}
    assert shown == {*known, "xds.maxReceiveMessageSize"} == set(BEYOND)


@pytest.mark.parametrize("setting", BEYOND)
def test_every_limit_is_gone_beyond(setting: str) -> None:
    """The test that is named does name the limit."""
    name = setting.rpartition(".")[2]
    text = (SECURITY.parent / BEYOND[setting][1]).read_text(encoding="utf-8")
    assert name in text or "".join(f"_{c.lower()}" if c.isupper() else c for c in name) in text
