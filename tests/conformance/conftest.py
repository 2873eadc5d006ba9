"""Fixtures of the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import networks, waiting
from tests.conformance.cases import SUITE, NoteOutcome
from tests.conformance.site import Site, running_site
from tests.conformance.summary import PROPERTY

StartSite = Callable[..., AbstractContextManager[Site]]


@pytest.fixture(scope="session")
def start_site(tmp_path_factory: pytest.TempPathFactory, envoy_binary: Path) -> StartSite:
    """Starts a daemon and an Envoy with the base objects, for a while."""
    refusal = networks.low_port_refusal()
    if refusal:
        pytest.skip(f"the suite asks for ports below 1024: {refusal}")

    def start(settings: Mapping[str, Any] | None = None) -> AbstractContextManager[Site]:
        return running_site(SUITE.base, tmp_path_factory.mktemp("conformance"), envoy_binary, settings or {})

    return start


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> NoteOutcome:
    """Writes down what a test of the suite came to, for the table at the end."""
    return lambda test, fault: record_property(PROPERTY, (test.name, fault))


@pytest.fixture(autouse=True)
def _impatient_where_pending(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less in tests that are known not to pass."""
    if request.node.get_closest_marker("xfail"):
        monkeypatch.setattr(waiting, "LIMIT_S", waiting.PENDING_LIMIT_S)
