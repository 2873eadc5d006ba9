"""What people are told of the objects in force by what Envoys refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from egxds.app.reporting import Reporting
from egxds.inspect.objects import ObjectFilter, Window
from egxds.inspect.refusals import RefusedResource
from egxds.model.api.gateway import GATEWAY
from egxds.names import LISTENER
from egxds.telemetry import Metrics
from tests.unit.app.files import Files

pytestmark = pytest.mark.anyio

WEB = GATEWAY.key("default", "web")


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


@pytest.mark.parametrize("is_canary", [False, True], ids=["of the head", "of a candidate"])
async def test_what_is_refused_of_a_candidate_is_no_matter_of_what_is_in_force(
    tmp_path: Path, *, is_canary: bool
) -> None:
    """It is of other content, perhaps of the same objects."""
    files = Files(tmp_path)
    files.write_gateway("web", 8000)
    reporting = Reporting(Metrics(), lambda _: None)
    reporting.built(files.build())
    refused = RefusedResource("edge-1", ("default/web",), LISTENER, "http", "no", (WEB,), 0.0, is_canary=is_canary)
    reporting.refused((refused,))
    page = await reporting.page(ObjectFilter(kind="Gateway"), Window())
    assert ("refuses listener http" in str(page.items)) == (not is_canary)
