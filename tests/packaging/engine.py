"""Runs images as a cautious container engine does: a process table, mounts and a network of their own, and no root."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.envoy.processes import Child
from tests.envoy.waiting import wait_for

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_UP = 0x1


def _bit(number: signal.Signals) -> int:
    return 1 << (number - 1)


_KEPT = _bit(signal.SIGTERM) | _bit(signal.SIGINT) | _bit(signal.SIGHUP)

_MOUNT_ROOT = 'root="$1"; shift; mount --bind "$root" "$root"\n'
_MOUNT_VOLUME = 'mount --bind "$1" "$root$2"; [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"; shift 3\n'
_MOUNT_REST = """
mount -o remount,bind,ro "$root"
mount --rbind /dev "$root/dev"; mount -t tmpfs tmpfs "$root/dev/shm"; mount -t proc proc "$root/proc"
user="$1"; shift
exec chroot --userspec="$user" "$root" /usr/bin/env -i "$@"
"""


@contextmanager
def own_network() -> Iterator[None]:
    """Have nothing but a loopback interface, for what this thread starts: ports are those that files name."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        assert libc.unshare(_CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _UP))
            yield
        finally:
            assert libc.setns(before.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


@dataclass(frozen=True)
class Volume:
    """Something that is mounted.

    Attributes:
        source: a file or directory here.
        target: where it is found in the container, which has to have something there.
        mode: `ro` or `rw`.
    """

    source: Path
    target: str
    mode: str = "ro"


class Container(Child):
    """What an engine runs: PID 1 of its own process table, on a root that nobody can write to."""

    def __init__(self, name: str, log_path: Path) -> None:
        super().__init__(name, log_path)
        self._user = ""
        self._environment: Sequence[str] = ()

    def run(
        self, root: Path, volumes: Sequence[Volume], user: str, environment: Sequence[str], command: Sequence[str]
    ) -> None:
        """Start it, also again after it ended.

        Args:
            root: files of its image.
            volumes: what is mounted over them.
            user: number of user and group, `65532:65532`.
            environment: `NAME=VALUE`.
            command: program and arguments.
        """
        script = "set -e\n" + _MOUNT_ROOT + _MOUNT_VOLUME * len(volumes) + _MOUNT_REST
        mounts = [each for volume in volumes for each in (str(volume.source), volume.target, volume.mode)]
        self._user, self._environment = user, environment
        isolated = ["/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"]
        self.spawn([*isolated, str(root), *mounts, user, *environment, *command])

    def kill(self) -> None:
        """End it as a crash would, with all that is in there.

        Its first process has become another user, by which the kernel forgets that it is to go with its parent.
        """
        for child in self._children() if self._process is not None and self.exit_code is None else ():
            os.kill(child, signal.SIGKILL)
        super().kill()

    @property
    def first_process(self) -> int:
        """What is PID 1 inside; its number outside."""
        return wait_for(self._first_process, f"the first process of {self.name}")

    def _first_process(self) -> int:
        self.assert_alive()
        return next(iter(self._children()), 0)

    def _children(self) -> list[int]:
        return [int(each) for each in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def keeps_signals(self) -> bool:
        """Whether its first process has come so far that the kernel keeps SIGTERM for it, or later."""
        status = Path(f"/proc/{self.first_process}/status").read_text()
        lines = (line.partition(":\t") for line in status.splitlines() if line.startswith(("SigBlk", "SigCgt")))
        masks = {name: int(bits, 16) for name, _, bits in lines}
        # Others that become it block every signal for the moment of a fork.
        return masks["SigBlk"] == _KEPT or bool(masks["SigCgt"] & _bit(signal.SIGTERM))

    def execute(self, command: Sequence[str]) -> int:
        """Run a program beside it, as an engine runs a health check; return its exit code."""
        uid, gid = self._user.split(":")
        enter = [
            "nsenter",
            f"--target={self.first_process}",
            "--mount",
            "--net",
            "--pid",
            "--root",
            f"--setuid={uid}",
            f"--setgid={gid}",
        ]
        inside = ["/usr/bin/env", "-i", *self._environment, *command]
        return subprocess.run([*enter, "--", *inside], capture_output=True, check=False).returncode

    def end_within(self, limit_s: float) -> int:
        """Have its first process end, as an engine does that kills it after a time; return its exit code."""
        assert self._process is not None
        os.kill(self.first_process, signal.SIGTERM)
        return self._process.wait(limit_s)
