"""What ARCHITECTURE.md shows of the code is what the code says."""

import re

from egxds import names
from tests.docs.tables import DOCUMENT, TABLES, marked, push_order, render, type_policies


def test_tables_are_as_the_code_says() -> None:
    """The document is what `python -m tests.docs.tables` writes."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == render(text), "write it: python -m tests.docs.tables"


def test_every_table_is_shown() -> None:
    """Each once: a marker that is misspelt would leave its table as it is for ever."""
    assert sorted(marked(DOCUMENT.read_text(encoding="utf-8"))) == sorted(TABLES)


def test_the_text_around_a_table_stays() -> None:
    """Only what stands between two markers is written."""
    text = "before\n<!-- table: push order -->\nold\n<!-- end of push order -->\nafter\n"
    assert render(text) == f"before\n<!-- table: push order -->\n\n{push_order()}\n<!-- end of push order -->\nafter\n"


def test_every_served_type_has_a_policy() -> None:
    """None of them is served by the plain rules alone without that being seen."""
    rows = {line.split(" | ")[0].removeprefix("| ") for line in type_policies().splitlines()}
    assert {type_url.rpartition(".")[2] for type_url in names.PUSH_ORDER} <= rows


def test_every_path_that_is_named_exists() -> None:
    """Who follows the page to a file finds it."""
    text = DOCUMENT.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:egxds|tests|protos)/[\w/.-]+)`", text)
    assert len(paths) > 20
    assert [path for path in paths if not (DOCUMENT.parent / path).exists()] == []
