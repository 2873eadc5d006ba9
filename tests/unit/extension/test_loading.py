"""Code of hooks is loaded as it stands in its file now."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from egxds.extension.loading import load_object

A_SECOND = (1_700_000_000, 1_700_000_000)


def test_an_edit_within_a_second_that_makes_a_file_no_larger_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the second and the size Python tells whether what it has compiled is what a file says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "hooks_of_a_second.py"
    for mark in ("first", "third"):
        file.write_text(f'class Mine:\n    mark = "{mark}"\n')
        os.utime(file, A_SECOND)
        assert getattr(load_object("hooks_of_a_second:Mine", [tmp_path]), "mark", None) == mark
        del sys.modules["hooks_of_a_second"]
    sys.path.remove(str(tmp_path))
