"""YAML in, Envoy resources and status out, compared with files.

`pytest tests/golden --update-golden` writes what is expected anew; read the difference before you keep it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.pipeline import translate_case

CASES = sorted(each.parent for each in Path(__file__).parent.glob("cases/*/in.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path, is_update: bool) -> None:
    """What a case is translated to is what its files say, and there is no file more."""
    made = translate_case((case / "in.yaml").read_text())
    if is_update:
        _write(case, made)
    expected = {each.name: each.read_text() for each in case.glob("*.yaml") if each.name != "in.yaml"}
    assert made == expected


def _write(case: Path, made: dict[str, str]) -> None:
    for stale in case.glob("*.yaml"):
        if stale.name not in (*made, "in.yaml"):
            stale.unlink()
    for name, content in made.items():
        (case / name).write_text(content)
