"""The Quadlet files: keys that Quadlet has, what systemd gets of them, and the image that they run.

Debian's podman is older than Quadlet, so its generator is not asked; `podman create` takes the same options by hand.
"""

from __future__ import annotations

import shlex
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.envoy.processes import ROOT
from tests.packaging.services import SERVICES

PODMAN = ROOT / "config" / "podman"
CONTAINERS = ("egxds", "envoy")
KEYS: Mapping[str, set[str]] = {
    "Container": {
        *("ContainerName", "DropCapability", "Exec", "Group", "HealthCmd", "HealthInterval", "HealthStartPeriod"),
        *("Image", "NoNewPrivileges", "Notify", "PodmanArgs", "PublishPort", "ReadOnly", "User", "Volume"),
    },
    "Volume": set(),
}
"""Those that are used, which podman-systemd.unit(5) has had since podman 4.7."""

Unit = Mapping[str, Mapping[str, list[str]]]


def read(path: Path) -> Unit:
    """A file of systemd's form: section → key → values."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), defaultdict(list))
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section[key].append(value)
    return found


def container(name: str) -> Mapping[str, list[str]]:
    """What a container is said to be."""
    return read(PODMAN / f"{name}.container")["Container"]


def mounts(name: str) -> dict[str, str]:
    """Where it is found in the container → what is mounted."""
    return {target: source for source, target, *_ in (each.split(":") for each in container(name)["Volume"])}


@pytest.mark.parametrize("path", sorted(PODMAN.iterdir()), ids=lambda path: path.name)
def test_keys_are_those_of_quadlet(path: Path) -> None:
    """It passes over nothing: a key that it does not know stops the unit from being made."""
    unit = read(path)
    own = path.suffix.removeprefix(".").capitalize()
    assert own in unit
    assert set(unit[own]) <= KEYS[own]
    assert set(unit) <= {own, "Unit", "Service", "Install"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_systemd_takes_the_rest(name: str, tmp_path: Path, require: Callable[..., None]) -> None:
    """Sections that are not Quadlet's are handed on as they are, with the start that it adds."""
    require("systemd-analyze")
    service = tmp_path / f"{name}.service"
    lines = []
    for section, keys in read(PODMAN / f"{name}.container").items():
        if section != "Container":
            lines += [f"[{section}]", *(f"{key}={value}" for key, values in keys.items() for value in values)]
            lines += ["Type=notify", "ExecStart=/bin/true"] if section == "Service" else []
    service.write_text(
        "\n".join(lines).replace("/usr/bin/podman", "/bin/true").replace("egxds.service", "basic.target")
    )
    said = subprocess.run(["systemd-analyze", "verify", str(service)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


@pytest.mark.parametrize("name", CONTAINERS)
def test_confined_and_restarted(name: str) -> None:
    """Nobody is root, nobody writes to a root, and everybody comes back, however often."""
    unit = read(PODMAN / f"{name}.container")
    for key, value in (("ReadOnly", "true"), ("NoNewPrivileges", "true"), ("DropCapability", "all")):
        assert unit["Container"][key] == [value]
    assert unit["Service"]["Restart"] == ["always"]
    assert unit["Unit"]["StartLimitIntervalSec"] == ["0"]


def test_fits_the_image_and_compose() -> None:
    """The same health check, the same Envoy, and mounts at the same places as in compose.yaml, which is run."""
    assert shlex.split(container("egxds")["HealthCmd"][0]) == SERVICES["egxds"]["healthcheck"]["test"][1:]
    assert container("envoy")["Image"] == [f"docker.io/{SERVICES['envoy']['image']}"]
    assert f"{container('envoy')['User'][0]}:{container('envoy')['Group'][0]}" == SERVICES["envoy"]["user"]
    assert shlex.split(container("envoy")["Exec"][0])[1:] == SERVICES["envoy"]["command"]
    for name in CONTAINERS:
        assert set(mounts(name)) == {each.split(":")[1] for each in SERVICES[name]["volumes"]}


def test_they_meet_in_a_volume() -> None:
    """The socket that Envoy's bootstrap names is in the volume that both have; each volume has its file."""
    assert mounts("egxds")["/run/egxds"] == mounts("envoy")["/run/egxds"]
    socket = yaml.safe_load((ROOT / "config/container/egxds.yaml").read_text())["xds"]["address"]
    assert socket.removeprefix("unix:").startswith("/run/egxds/")
    assert socket.removeprefix("unix:") in (ROOT / "config/container/envoy.yaml").read_text()
    used = {source for name in CONTAINERS for source in mounts(name).values() if source.endswith(".volume")}
    assert used == {path.name for path in PODMAN.glob("*.volume")}
