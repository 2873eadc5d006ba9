"""A network of several machines: each has an address and ports of its own, as the containers of compose do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.packaging.engine import Volume
from tests.packaging.services import Service

_SUBNET = "10.77.0"


class Bridge:
    """Entering it makes machines, in the network that this thread is in.

    Attributes:
        addresses: name of a machine → its address.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.addresses = {name: f"{_SUBNET}.{at}" for at, name in enumerate(names, start=2)}
        self._cables = {name: f"veth{at}" for at, name in enumerate(names)}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            _ip("link", "add", "br0", "type", "bridge")
            _ip("address", "add", f"{_SUBNET}.1/24", "dev", "br0")
            _ip("link", "set", "br0", "up")
            for name in self.addresses:
                _ip("netns", "add", namespace(name))
                stack.callback(_ip, "netns", "delete", namespace(name))
                self._connect(name)
            self._made = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.close()

    def unplug(self, name: str) -> None:
        """Let nothing get to a machine, or from it; nobody is told."""
        _ip("link", "set", self._cables[name], "down")

    def plug_in(self, name: str) -> None:
        """Let all get through again."""
        _ip("link", "set", self._cables[name], "up")

    def part(self, name: str, *others: str) -> None:
        """Let nothing pass between a machine and some others; all else gets through, and nobody is told."""
        self._between("add", name, others)

    def join(self, name: str, *others: str) -> None:
        """Let all get through between them again."""
        self._between("delete", name, others)

    def _between(self, change: str, name: str, others: Sequence[str]) -> None:
        # What came one way would be read though it is never acknowledged, as much as TCP sends at once.
        for here, there in (pair for other in others for pair in ((name, other), (other, name))):
            _ip("-n", namespace(here), "route", change, "blackhole", f"{self.addresses[there]}/32")

    def _connect(self, name: str) -> None:
        machine, cable = namespace(name), self._cables[name]
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", machine)
        _ip("link", "set", cable, "master", "br0", "up")
        _ip("-n", machine, "address", "add", f"{self.addresses[name]}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", machine, "link", "set", link, "up")


def namespace(name: str) -> str:
    """Return what a machine is called here, where others run tests as well."""
    return f"egxds-{os.getpid()}-{name}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Machine(Service):
    """A service on a machine of its own, which finds the others by their names."""

    def find_others(self, hosts: Path) -> None:
        """Mount the names of all, as an engine does."""
        place = self._root / "etc/hosts"
        place.touch()
        self.volumes = [*self.volumes, Volume(hosts, "/etc/hosts")]

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        on_it = ["/usr/bin/nsenter", f"--net=/run/netns/{namespace(self.name)}", *command]
        super().spawn(on_it, environment, descriptors)
