"""Which test holds which rule of the delta xDS checklist, as a table: `python -m tests.transcripts.rules` writes it.

The tests say it themselves, with `@pytest.mark.rule(number, …)`. They are read, not imported, so the table is the same
wherever it is made and whatever is installed there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

HERE = Path(__file__).absolute().parent
TESTS = HERE.parent
TABLE = HERE / "RULES.md"
LEVELS = HERE / "levels.txt"
DECISIONS = HERE / "decisions.yaml"

BINDING = ("MUST", "SHOULD")
"""Levels whose rules are held by a test, or are decided against with a reason."""

_HEAD = """\
# The rules of delta xDS, and the tests that hold them

Written by `python -m tests.transcripts.rules` from the `rule` markers of the tests. A rule without a test says why it
is not built.

| rule | level | held by |
|---:|---|---|
"""


def levels() -> dict[int, str]:
    """Return the level of every rule, by number."""
    found: dict[int, str] = {}
    level = ""
    for word in LEVELS.read_text(encoding="utf-8").replace(",", " ").split():
        if word.endswith(":"):
            level = word.removesuffix(":")
            continue
        first, _, last = word.partition("-")
        found.update(dict.fromkeys(range(int(first), int(last or first) + 1), level))
    return dict(sorted(found.items()))


def decisions() -> dict[int, str]:
    """Return why a rule is not built, by number."""
    return dict(yaml.safe_load(DECISIONS.read_text(encoding="utf-8")))


def holders() -> dict[int, list[str]]:
    """Return the tests of every rule, by number: `folder/file::test`, sorted."""
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        place = path.relative_to(TESTS).with_suffix("").as_posix()
        for test, numbers in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            for number in numbers:
                found.setdefault(number, []).append(f"{place}::{test}")
    return {number: sorted(tests) for number, tests in sorted(found.items())}


def render(found: Mapping[int, list[str]]) -> str:
    """Return the table.

    Args:
        found: rule → its tests.
    """
    why = decisions()
    lines = []
    for number, level in levels().items():
        held_by = _listed(found[number]) if number in found else why.get(number, "")
        lines.append(f"| {number} | {level} | {held_by} |\n")
    return _HEAD + "".join(lines)


def _marked(module: ast.Module) -> Iterator[tuple[str, list[int]]]:
    """Yield every test with the rules that it is marked with."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            numbers = [number for decorator in node.decorator_list for number in _numbers(decorator)]
            if numbers:
                yield node.name, numbers


def _numbers(decorator: ast.expr) -> list[int]:
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "pytest.mark.rule":
        return []
    return [int(ast.literal_eval(argument)) for argument in decorator.args]


def _listed(tests: list[str]) -> str:
    """Name tests file by file."""
    files: dict[str, list[str]] = {}
    for test in tests:
        place, _, name = test.partition("::")
        files.setdefault(place, []).append(f"`{name.removeprefix('test_')}`")
    return "<br>".join(f"{place}: {', '.join(names)}" for place, names in files.items())


if __name__ == "__main__":
    TABLE.write_text(render(holders()), encoding="utf-8")
