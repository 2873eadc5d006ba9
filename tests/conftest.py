"""What tests of every kind share."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from egxds.app.envoy import find_envoy
from egxds.errors import StartError
from egxds.sessions.events import Response
from egxds.wire.xds import codec, shared_responses

pytest_plugins = ["tests.conformance.summary"]

# Machines differ: how long an example takes, or is in the making, says nothing about what is tested.
settings.register_profile("any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any pace")


@pytest.fixture(scope="session")
def envoy_binary() -> Path:
    """The Envoy of the extra; in CI its absence is a failure, elsewhere a skip."""
    try:
        return find_envoy(None)
    except StartError as err:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(err))


@pytest.fixture(scope="session")
def require() -> Callable[..., None]:
    """Skips a test whose programs are not installed; in CI, which installs them, that is a failure."""

    def check(*programs: str) -> None:
        missing = [program for program in programs if shutil.which(program) is None]
        if missing and os.environ.get("CI") == "true":
            pytest.fail(f"not installed: {', '.join(missing)}")
        if missing:
            pytest.skip(f"not installed: {', '.join(missing)}")

    return check


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Puts logging back, which commands set up in this process: the next test sees all that is logged."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = warnings.showwarning, sys.unraisablehook, threading.excepthook
    yield
    structlog.reset_defaults()
    warnings.showwarning, sys.unraisablehook, threading.excepthook = hooks
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[Response]:
    """The responses that were encoded, and not sent once more as they were."""
    made: list[Response] = []
    encode = codec.encode_content

    def noted(response: Response, control_plane: str) -> tuple[bytes, ...]:
        made.append(response)
        return encode(response, control_plane)

    monkeypatch.setattr(shared_responses, "encode_content", noted)
    return made
