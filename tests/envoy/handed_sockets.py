"""Stands in for a service manager that keeps the sockets of a daemon, as systemd does for a .socket unit."""

from __future__ import annotations

import socket
import sys
from typing import Self

from tests.envoy.daemon import Daemon

_HAND_OVER = """
import fcntl, os, sys
names, descriptors, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
above = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 100) for each in descriptors]
for at, descriptor in enumerate(above, 3):
    os.dup2(descriptor, at)
handed = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(above)), "LISTEN_FDNAMES": names}
os.execve(command[0], command, {**os.environ, **handed})
"""


class HandedSockets:
    """The sockets of a daemon, kept across its restarts; `with` closes them."""

    def __init__(self, daemon: Daemon, *names: str) -> None:
        """Bind them where the settings say.

        Args:
            daemon: whose they are.
            names: `xds`, `admin`.
        """
        self._daemon = daemon
        self._sockets = {name: _listening(daemon.settings[name]["address"]) for name in names}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets.values():
            each.close()

    def launch(self) -> None:
        """Start the daemon with them, without waiting."""
        descriptors = [each.fileno() for each in self._sockets.values()]
        listed = ",".join(map(str, descriptors))
        hand_over = [sys.executable, "-c", _HAND_OVER, ":".join(self._sockets), listed]
        self._daemon.spawn([*hand_over, *self._daemon.command], descriptors=descriptors)


def _listening(address: str) -> socket.socket:
    path = address.removeprefix("unix:")
    if path != address:
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(path)
    else:
        host, _, port = address.rpartition(":")
        bound = socket.create_server((host, int(port)))
    bound.listen(socket.SOMAXCONN)
    return bound
