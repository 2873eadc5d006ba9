"""Cases from public reports, kept beside the project: each is run against this egxds and an Envoy, from outside.

`CASES` names a directory with a folder for each case; a `check.py` in it prints a line for each thing that holds or
does not, and ends with 0 where all hold.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(os.environ.get("CASES", Path(__file__).parents[3] / "shared" / "cases"))
LIMIT_S = 300

pytestmark = [pytest.mark.slow, pytest.mark.envoy, pytest.mark.timeout(LIMIT_S + 10)]

CHECKS = sorted(CASES.glob("*/check.py"))


@pytest.mark.parametrize("check", CHECKS, ids=[check.parent.name for check in CHECKS])
def test_a_case_holds(check: Path) -> None:
    """What it prints says what does not hold."""
    ended = subprocess.run([sys.executable, check], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
