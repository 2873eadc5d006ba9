"""Pages whose commands need files and no daemon: what each shows is what it prints, to the letter.

`python -m tests.docs.test_pages_of_files` writes what they print into the pages.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks

PAGES = ("explain.md", "diff.md")
_LIMIT_S = 60.0


class FileReader:
    """Has the files of a page, and types its commands."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, block: Block) -> None:
        """Write a file as the page has it."""
        path = self._directory / block.detail
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def say(self, block: Block) -> str:
        """Return the block as it has to be: the command, and what it prints; its exit code is that of the marker."""
        prompt = block.text.splitlines()[0]
        arguments = shlex.split(prompt.removeprefix("$ egxds "))
        done = subprocess.run(
            [sys.executable, "-m", "egxds", *arguments],
            cwd=self._directory,
            env=os.environ | {"NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert str(done.returncode) == block.detail, (prompt, done.stdout, done.stderr)
        return f"{prompt}\n{done.stdout}{done.stderr}"


def as_it_is(page: Path, directory: Path) -> list[tuple[str, str]]:
    """Go through a page; return each block that shows output, and what it has to be."""
    reader = FileReader(directory)
    found = []
    for block in blocks(page):
        if block.kind == "file":
            reader.write(block)
        elif block.kind == "says":
            found.append((block.text, reader.say(block)))
        else:
            assert block.marker, f"nobody looks at {block.text}"
    return found


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, tmp_path: Path) -> None:
    """A reader who types what a page says sees what it shows."""
    found = as_it_is(ROOT / "docs" / name, tmp_path)
    assert found
    for shown, said in found:
        assert shown == said


def main() -> None:
    """Write what the commands print into the pages."""
    for name in PAGES:
        page = ROOT / "docs" / name
        with tempfile.TemporaryDirectory() as directory:
            text = page.read_text()
            for shown, said in as_it_is(page, Path(directory)):
                text = text.replace(f"```console\n{shown}```", f"```console\n{said}```")
            page.write_text(text)


if __name__ == "__main__":
    main()
