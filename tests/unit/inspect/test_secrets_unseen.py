"""What the admin API and the log say of Secrets that are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from egxds.app.problem_log import log_problems
from egxds.incremental.revision import Revision
from egxds.inspect.objects import EVERYTHING, FROM_THE_START, ObjectView
from egxds.inspect.problem_book import ProblemBook
from egxds.telemetry import Metrics
from tests.unit.app.files import Files
from tests.unit.model.test_secrets_unseen import CANARY, REFUSED

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", [text for _, text in REFUSED], ids=[name for name, _ in REFUSED])
def test_nothing_of_a_refused_secret_is_shown(text: str, tmp_path: Path) -> None:
    """Neither as an object nor as a problem, nor as a line of the log, nor in a metric."""
    files, view, book = Files(tmp_path), ObjectView(), ProblemBook()
    files.write("secret.yaml", text)
    judged = files.build().judged()
    view.note(judged, Revision(), NOW)
    changes, metrics = book.update(judged, NOW), Metrics()
    with capture_logs() as lines:
        log_problems(changes, metrics)
    assert lines
    shown = json.dumps(
        [view.render(EVERYTHING, FROM_THE_START).items, lines, generate_latest(metrics.registry).decode()], default=str
    )
    assert CANARY not in shown
