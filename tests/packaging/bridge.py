"""A network of several machines: each has an address and ports of its own, as the containers of compose do."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.packaging.engine import Volume
from tests.packaging.services import Service

_SUBNET = "10.77.0"
_numbers = itertools.count()


@contextmanager
def bridged(names: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Have machines of these names, in the network that this thread is in; gives the address of each."""
    _ip("link", "add", "br0", "type", "bridge")
    _ip("address", "add", f"{_SUBNET}.1/24", "dev", "br0")
    _ip("link", "set", "br0", "up")
    addresses = {name: f"{_SUBNET}.{at}" for at, name in enumerate(names, start=2)}
    made: list[str] = []
    try:
        for name, address in addresses.items():
            _ip("netns", "add", namespace(name))
            made.append(namespace(name))
            _plug_in(namespace(name), address)
        yield addresses
    finally:
        for each in made:
            _ip("netns", "delete", each)


def namespace(name: str) -> str:
    """Return what a machine is called here, where others run tests as well."""
    return f"egxds-{os.getpid()}-{name}"


def _plug_in(machine: str, address: str) -> None:
    outer = f"veth{next(_numbers)}"
    _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", machine)
    _ip("link", "set", outer, "master", "br0", "up")
    _ip("-n", machine, "address", "add", f"{address}/24", "dev", "eth0")
    for link in ("lo", "eth0"):
        _ip("-n", machine, "link", "set", link, "up")


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
