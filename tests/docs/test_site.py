"""The pages become a site in which every link leads somewhere, and a man page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.docs.commands_table import commands

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` writes; a warning is an error, as there."""
    return _made("html", tmp_path_factory.mktemp("site"))


def _made(form: str, written: Path) -> Path:
    command = [sys.executable, "-m", "sphinx", "-b", form, "-W", "--keep-going", "-q", str(DOCS), str(written)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return written


@pytest.mark.parametrize("page", sorted(page.relative_to(DOCS) for page in DOCS.rglob("*.md")), ids=str)
def test_every_page_can_be_found(site: Path, page: Path) -> None:
    """From the first page on: one that no table of contents names is a warning."""
    assert page.stem == "index" or page.with_suffix(".html").as_posix() in (site / "index.html").read_text()


def test_the_man_page_has_every_command(tmp_path: Path) -> None:
    """In roff, with its options."""
    page = (_made("man", tmp_path) / "egxds.1").read_text(encoding="utf-8")
    assert '.TH "EGXDS" "1"' in page
    plain = page.replace("\\-", "-").lower()
    missing = [words for words, _ in commands() if f".sh {words}\n" not in plain]
    assert missing == []
    assert "--strict" in plain
