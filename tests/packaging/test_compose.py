"""compose.yaml: what it says fits the image, and its services do together what it promises."""

from __future__ import annotations

import contextlib
import functools
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.envoy.client import SteadyClient, http_get
from tests.envoy.manifests import http_route
from tests.envoy.processes import ROOT
from tests.envoy.waiting import wait_for
from tests.packaging.engine import Volume
from tests.packaging.image_build import Image
from tests.packaging.services import COMPOSE, SERVICES, Service

BOOTSTRAP = ROOT / "config/container/envoy.yaml"
STOP_LIMIT_S = 30.0
"""More than an engine gives: on a machine that is busy an end takes longer, and behind a lost signal none comes."""
RESTARTS = 3
PORT = 8080

pytestmark = pytest.mark.timeout(600)


def test_every_service_is_confined() -> None:
    """Nobody is root, nobody writes to a root, and everybody comes back."""
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["restart"] == "unless-stopped", name
        assert "privileged" not in service, name
        assert name == "egxds" or service["user"] == "65532:65532"


def test_every_volume_is_declared() -> None:
    """Files that are mounted are there, and so is each volume."""
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    sources = [text.partition(":")[0] for service in SERVICES.values() for text in service.get("volumes", ())]
    assert [each for each in sources if not (each in volumes or (ROOT / each).exists())] == []
    assert set(volumes) <= set(sources)


def test_envoy_waits_for_egxds() -> None:
    """It has nothing to serve before that, and stops in more time than egxds needs."""
    assert SERVICES["envoy"]["depends_on"] == {"egxds": {"condition": "service_healthy"}}
    assert SERVICES["egxds"]["stop_grace_period"] == "15s"


def test_bootstrap_is_what_egxds_prints() -> None:
    """The file that Envoy starts with comes from the command that it names."""
    first, _, rest = BOOTSTRAP.read_text().partition("\n")
    program, *arguments = shlex.split(first.removeprefix("# "))
    assert program == "egxds"
    done = subprocess.run(
        [sys.executable, "-m", *[program, *arguments]], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert rest == done.stdout


def test_fits_the_image(image: Image) -> None:
    """The image's user, command and health check are those that are meant, and its mount points are there."""
    service = SERVICES["egxds"]
    assert not {"user", "command", "entrypoint"} & service.keys()
    assert service["healthcheck"]["test"] == image.config["Healthcheck"]["Test"]
    assert SERVICES["envoy"]["user"] == image.config["User"]
    targets = [text.split(":")[1] for text in service["volumes"]]
    assert [each for each in targets if not (image.tree / each.removeprefix("/")).exists()] == []
    assert set(image.config["Volumes"]) <= set(targets)


@dataclass(frozen=True)
class Services:
    """Those of compose.yaml, which share a network."""

    egxds: Service
    envoy: Service
    site: Service
    routes: Path

    def start_egxds(self) -> None:
        """Start it, and wait as `depends_on` does."""
        self.egxds.launch()
        wait_for(self._is_healthy, "egxds to be healthy", deadline_s=60)

    def _is_healthy(self) -> bool:
        self.egxds.assert_alive()
        return self.egxds.execute(SERVICES["egxds"]["healthcheck"]["test"][1:]) == 0


@pytest.fixture
def services(image: Image, network: None, envoy_binary: Path, tmp_path: Path) -> Iterator[Services]:
    """All of them, up in the order that compose.yaml asks for."""
    with contextlib.ExitStack() as stack:
        egxds, envoy, site = (Service(name, SERVICES[name], image, tmp_path) for name in ("egxds", "envoy", "site"))
        for each in (egxds, envoy, site):
            stack.callback(each.discard)
        routes = tmp_path / "routes"
        routes.mkdir()
        (routes / "site.yaml").write_text((ROOT / "config/container/routes/site.yaml").read_text())
        egxds.mount(Volume(routes, "/etc/egxds/routes"))
        for each in (envoy, site):
            each.stand_in(envoy_binary)
        services = Services(egxds, envoy, site, routes)
        services.start_egxds()
        site.launch()
        envoy.launch()
        yield services


def answers(services: Services, status: int, host: str = "any.test") -> bool:
    """Whether Envoy answers so."""
    services.envoy.assert_alive()
    return http_get(PORT, host).status == status


@pytest.mark.envoy
def test_restarts_of_egxds_cost_no_request(services: Services) -> None:
    """It is ended and started again, as an engine or systemd does: Envoy serves on, and hears of edits afterwards."""
    wait_for(lambda: answers(services, 200), "the site behind Envoy", deadline_s=60)
    with SteadyClient(PORT, "any.test") as client:
        for turn in range(RESTARTS):
            assert services.egxds.end_within(STOP_LIMIT_S) == 0
            client.wait_for_more()
            services.start_egxds()
            client.wait_for_more()
            host = f"turn-{turn}.test"
            (services.routes / f"{host}.yaml").write_text(http_route(f"turn-{turn}", host, "nobody"))
            wait_for(functools.partial(answers, services, 500, host), "what was edited", deadline_s=60)
    assert client.failures == []
    assert services.envoy.end_within(STOP_LIMIT_S) == 0
