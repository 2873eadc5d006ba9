"""Under which names the admin API is asked, and from where."""

from __future__ import annotations

import anyio
import pytest
from pydantic import ValidationError

from egxds.settings.daemon import AdminSettings
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from tests.wire.browser import MEANT, Admin
from tests.wire.world import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "[::1]:1", "10.0.0.7", "localhost:19080", "LOCALHOST.", "egxds.test:1"]
)
async def test_it_answers_to_its_own_names(server: XdsServer, world: World, metrics: Metrics, host: str) -> None:
    """Addresses, which nobody can make to lead elsewhere, localhost, and what the settings list."""
    settings = AdminSettings(address="127.0.0.1:0", allowedHosts=("egxds.test",))
    admin = AdminServer(settings, world.stores, world.status, server.clients, metrics)
    async with anyio.create_task_group() as tasks:
        await admin.start(tasks)
        assert (await Admin(admin).send("GET", "/api/v1/config_dump", {"Host": host})).status == 200
        await admin.stop()


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test:19080", "localhost.evil.test", "", "[", "evil.test."]
)
@pytest.mark.parametrize("path", ["/", "/api/v1/config_dump", "/api/v1/objects", "/nothing"])
async def test_a_page_of_another_name_reads_nothing(admin: Admin, host: str, path: str) -> None:
    """A browser that was led here by the name of a page (DNS rebinding) is told to go."""
    answer = await admin.send("GET", path, {"Host": host})
    assert answer.status == 403
    assert b"admin.allowedHosts" in answer.body


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://127.0.0.1:1"])
async def test_a_page_of_another_origin_reads_nothing(admin: Admin, origin: str) -> None:
    """Nor may it have anything done."""
    assert (await admin.send("GET", "/api/v1/objects", {"Origin": origin})).status == 403
    assert (await admin.send("POST", "/api/v1/resync", {"Origin": origin, **MEANT})).status == 403


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_and_metrics_are_asked_for_by_any_name(admin: Admin, path: str) -> None:
    """As the service that somebody has called it."""
    assert (await admin.send("GET", path, {"Host": "egxds.monitoring.svc:19080"})).status != 403


@pytest.mark.parametrize("name", ["http://egxds.test", "egxds.test:19080", "*.egxds.test", "", "a b"])
def test_what_is_no_name_is_refused_in_the_settings(name: str) -> None:
    """It would never be asked for, and who wrote it would not know why."""
    with pytest.raises(ValidationError, match="without scheme and port"):
        AdminSettings.model_validate({"allowedHosts": [name]})
