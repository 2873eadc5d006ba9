"""What tests of every kind share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from egxds.app.envoy import find_envoy
from egxds.errors import StartError
from egxds.sessions.events import Response
from egxds.wire.xds import codec, shared_responses


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Commands that run in this process set up its log; the next test has the one that was."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def envoy_binary() -> Path:
    """The Envoy of the extra; in CI its absence is a failure, elsewhere a skip."""
    try:
        return find_envoy(None)
    except StartError as err:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(err))


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
