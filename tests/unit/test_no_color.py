"""NO_COLOR wins over a log that is forced to be pretty (no-color.org)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_LOG = """
from egxds.settings.daemon import LoggingSettings
from egxds.telemetry import configure_logging, log
configure_logging(LoggingSettings(format="pretty"))
log.warning("app.started")
"""


@pytest.mark.parametrize(("value", "has_colors"), [("1", False), ("", True), (None, True)])
def test_pretty_log(value: str | None, has_colors: bool) -> None:
    """An empty value is as good as none."""
    environment = {key: word for key, word in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    environment |= {"NO_COLOR": value} if value is not None else {}
    done = subprocess.run([sys.executable, "-c", _LOG], capture_output=True, text=True, env=environment, check=True)
    assert "app.started" in done.stderr
    assert ("\x1b" in done.stderr) == has_colors
