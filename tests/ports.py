"""Ports for what tests start."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 10_000
_given: set[int] = set()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback address that nobody uses, and that no other call has returned.

    It is none that the kernel gives to outgoing connections: one of those could have it while the server that it is
    meant for is down. Nor is it one of another worker's, where tests are shared out: each worker has its part.
    """
    first, workers = _worker()
    candidates = list(range(_FIRST, _first_ephemeral()))[first::workers]
    random.shuffle(candidates)
    port = next(port for port in candidates if port not in _given and _is_free(port, kind))
    _given.add(port)
    return port


def _worker() -> tuple[int, int]:
    """Return which of the workers this process is, counted from 0, and how many there are; pytest-xdist says so."""
    name, count = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    return int(name.removeprefix("gw")) % int(count), int(count)


def _first_ephemeral() -> int:
    return int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(type=kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
