"""What docs/hooks.md shows runs, and is what it is said to be."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from egxds.extension.hooks import Hooks
from egxds.extension.project import write_project
from egxds.extension.stub_files import write_stubs
from egxds.settings.extensions import Hook
from egxds.settings.text import parse_settings
from tests.docs.blocks import HOOKS, PICTURE, ROOT, blocks, task
from tests.docs.story import Reader

KINDS = {"story", "file", "check", "task"}
TASKS = ("header", "basic auth", "authorization")
MOST_LINES = 8


def test_every_block_is_run_or_checked() -> None:
    """One whose marker is misspelt would be so by nobody."""
    assert [each for each in blocks() if each.kind not in KINDS and each.language != PICTURE] == []


def test_files_are_those_of_a_new_project(tmp_path: Path) -> None:
    """The page shows what the reader has."""
    write_project(tmp_path)
    for block in (each for each in blocks() if each.kind == "file"):
        name, _, part = block.detail.partition(", ")
        text = (tmp_path / name).read_text()
        assert block.text in text if part else block.text == text


def test_code_is_as_mypy_wants_it(tmp_path: Path) -> None:
    """Strictly, with the stubs, each block as a module of its own."""
    write_stubs(tmp_path / "typings")
    modules = [each.text for each in blocks() if each.language == "python"]
    for number, text in enumerate(modules):
        (tmp_path / f"block_{number}.py").write_text(text)
    (tmp_path / "mypy.ini").write_text(
        f"[mypy]\nstrict = true\nexplicit_package_bases = true\nmypy_path = {tmp_path}/typings:{ROOT}\n"
        "[mypy-egxds.*]\nfollow_imports = silent\n"
    )
    names = [f"block_{number}.py" for number in range(len(modules))]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *names],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "MYPYPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_settings_are_taken() -> None:
    """Beside the parts of files, which the story runs with."""
    checked = [each.text for each in blocks() if (each.kind, each.language) == ("check", "yaml")]
    for text in checked:
        parse_settings(f"sources: {{files: {{paths: [routes/]}}}}\n{text}", "hooks.md")
    assert checked


def test_the_test_that_is_shown_passes() -> None:
    """As pytest would run it."""
    (text,) = (each.text for each in blocks() if each.kind == "check" and "def test_" in each.text)
    found: dict[str, object] = {}
    exec(text, found)
    for name, value in found.items():
        if name.startswith("test_") and callable(value):
            value()


@pytest.mark.parametrize("name", TASKS)
def test_tasks_take_few_lines(name: str) -> None:
    """What is in the bodies of the functions: what everybody does is not to be written by everybody."""
    functions = [node for node in ast.walk(ast.parse(task(name))) if isinstance(node, ast.AsyncFunctionDef)]
    assert sum(node.end_lineno - node.body[0].lineno + 1 for node in functions if node.end_lineno) < MOST_LINES


def test_every_hook_is_named() -> None:
    """The table of hooks has all of them, with the words of the settings and of the class."""
    text = HOOKS.read_text(encoding="utf-8")
    functions = [name for name in vars(Hooks) if not name.startswith("_")]
    assert len(functions) == len(Hook)
    for name in functions:
        assert text.count(f"\n| `{name}` | `") == 1
    assert [hook.value for hook in Hook if f"| `{hook.value}` |" not in text] == []


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
@pytest.mark.timeout(300)
def test_the_story_of_an_author(reader: Reader) -> None:
    """New, tested, served, edited, broken, mended, and served as a server of its own: by the commands of the page."""
    story = [each for each in blocks() if each.kind == "story"]
    assert len(story) > 10
    for block in story:
        reader.follow(block)
