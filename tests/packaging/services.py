"""The services of compose.yaml as containers, with what stands in for the images that no registry gives us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.envoy.processes import ROOT
from tests.packaging.engine import Container, Volume
from tests.packaging.image_build import Image

COMPOSE = ROOT / "compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
_USER = "65532:65532"
_PROGRAMS = ("bin", "lib", "lib64")
_HOSTS = "127.0.0.1 localhost site\n"


def owned(directory: Path) -> Path:
    """A directory of the image's user: an engine takes owner and mode over from the image."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o700)
    os.chown(directory, *map(int, _USER.split(":")))
    return directory


def stand_in(directory: Path) -> Path:
    """The root of what stands in for an image of others: empty, with a place for all that is mounted."""
    places = ("dev", "etc/envoy", "opt", "proc", "run/egxds", "srv", "usr/local/bin", "var/lib/etcd")
    for name in (*places, *(f"usr/{part}" for part in _PROGRAMS)):
        (directory / name).mkdir(parents=True)
    for part in _PROGRAMS:
        (directory / part).symlink_to(f"usr/{part}")
    (directory / "etc/envoy/envoy.yaml").touch()
    (directory / "etc/hosts").write_text(_HOSTS)
    return directory


def programs(base: Path, envoy: Path) -> list[Volume]:
    """What is mounted on it: libraries and Python of our image, and an Envoy."""
    parts = ["opt", *(f"usr/{part}" for part in _PROGRAMS if (base / "usr" / part).is_dir())]
    return [*(Volume(base / part, f"/{part}") for part in parts), Volume(envoy.parent, "/usr/local/bin")]


class Service(Container):
    """What is declared as in compose.yaml, as a container that can be started again."""

    def __init__(self, name: str, declared: Mapping[str, Any], image: Image, directory: Path) -> None:
        """Describe it.

        Args:
            name: of the service.
            declared: its keys in compose.yaml.
            image: of egxds.
            directory: where the volumes of all services are, and files of this project are mounted from.
        """
        super().__init__(name, directory / f"{name}.log")
        self._declared = declared
        self._image = image
        self._directory = directory
        self._root = image.tree
        self.volumes = [self._volume(each, directory) for each in declared.get("volumes", ())]

    def stand_in(self, envoy: Path) -> None:
        """Take files that stand in for an image of others, with this Envoy."""
        self._root = stand_in(self._directory / f"{self.name}-root")
        self.volumes = [*programs(self._image.tree, envoy), *self.volumes]

    def mount(self, volume: Volume) -> None:
        """Mount something else where the service mounts something."""
        self.volumes = [volume if each.target == volume.target else each for each in self.volumes]

    @property
    def command(self) -> list[str]:
        """What is run in it."""
        config = self._own_config
        entrypoint = self._declared.get("entrypoint", config.get("Entrypoint", []))
        return [*entrypoint, *(self._declared.get("command") or config.get("Cmd", []))]

    @property
    def _own_config(self) -> Mapping[str, Any]:
        return self._image.config if self._declared["image"].endswith("egxds") else {}

    def launch(self) -> None:
        """Start it without waiting."""
        user = str(self._declared.get("user", self._own_config.get("User")))
        self.run(self._root, self.volumes, user, self._image.config["Env"], self.command)

    def _volume(self, text: str, directory: Path) -> Volume:
        source, target, mode = f"{text}:rw".split(":")[:3]
        is_here = source.startswith((".", "/"))
        mode = "ro" if mode.startswith("ro") else "rw"
        return Volume(ROOT / source if is_here else owned(directory / f"volume-{source}"), target, mode)
