"""A machine of its own that systemd has booted: this one's files, with what is written on top of them in memory.

It is a container of systemd-nspawn in a mount namespace of its own, so that nothing is left of it when it ends. It has
no network but its loopback.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.envoy.processes import ROOT, Child
from tests.envoy.waiting import wait_for

_BOOT_LIMIT_S = 60.0
_LOOK_EVERY_S = 1.0
_LIMIT_S = 60
_LIFE_S = 300
"""A machine whose test was killed ends by itself."""

_NETWORK_WAITS = tuple(
    f"{each}.service" for each in ("systemd-networkd-wait-online", "NetworkManager-wait-online", "ifupdown-wait-online")
)
"""What would wait for a network that there is not."""

# Beside the cgroup of the test, which systemd in there would take for its own.
_BOOT = """
set -e
for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    if [ -w $tree/cgroup.procs ]; then mkdir -p $tree/egxds-$$; echo $$ > $tree/egxds-$$/cgroup.procs; fi
done
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
rm -f "$1/root/etc/machine-id"
shift
exec systemd-nspawn "$@"
"""

_SCRIPT = """#!/opt/egxds/bin/python
import sys
from egxds.__main__ import main
sys.exit(main())
"""


class Machine(Child):
    """A booted machine."""

    def __init__(self, directory: Path) -> None:
        """Describe it; `boot` boots it.

        Args:
            directory: an empty one.
        """
        super().__init__("machine", directory / "console.log")
        self._directory = directory
        self._leader = 0

    def boot(self) -> None:
        """Boot it, and wait until its basic services run.

        Raises:
            RuntimeError: it ended; the message has its console.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self._directory / "notify"))
            manager.settimeout(_LOOK_EVERY_S)
            (self._directory / "disk").mkdir()
            self.spawn(self._command, {**os.environ, "NOTIFY_SOCKET": manager.getsockname()})
            try:
                self._wait_booted(manager)
                self.run("systemctl", "mask", "--runtime", *_NETWORK_WAITS)
                self.run("systemd-run", "-q", f"--on-active={_LIFE_S}", "systemctl", "poweroff", "--force", "--force")
            except BaseException:
                self._kill()
                raise

    def end(self) -> None:
        """End it, and show what the services said: pytest prints that for tests that failed."""
        print(self.run("journalctl", "--no-pager", "-u", "egxds*", statuses=None)[-20_000:])  # noqa: T201 as said
        self._kill()

    @property
    def _command(self) -> list[str]:
        # Services do not see /root and /home, where they may be here.
        mounted = {
            "/srv/egxds": ROOT,
            "/srv/site-packages": sysconfig.get_path("purelib"),
            "/srv/python": sys.base_prefix,
        }
        binds = [f"--bind-ro={path}:{place}" for place, path in mounted.items()]
        root = ["--directory", str(self._directory / "disk" / "root"), *binds]
        alone = ["--private-network", "--register=no", "--keep-unit", "--console=passive", "--notify-ready=yes"]
        boot = ["--boot", "systemd.unit=basic.target", "systemd.log_target=journal"]
        inside = ["/bin/sh", "-c", _BOOT, "sh", str(self._directory / "disk"), *root, *alone, *boot]
        return ["/usr/bin/unshare", "--mount", "--propagation", "private", *inside]

    def _wait_booted(self, manager: socket.socket) -> None:
        said: set[str] = set()

        def is_booted() -> bool:
            self.assert_alive()
            said.update(manager.recv(4096).decode().splitlines())
            for line in said:
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    self._leader = int(line.partition("=")[2])
            return "READY=1" in said

        wait_for(is_booted, "the machine to be booted", _BOOT_LIMIT_S)

    def _kill(self) -> None:
        # With its first process, all end that are in there.
        if self._leader:
            os.kill(self._leader, signal.SIGKILL)
        self.kill()
        wait_for(self._is_gone, "the end of all in there")

    def _is_gone(self) -> bool:
        for tree in Path("/sys/fs/cgroup").glob(f"**/egxds-{self.pid}"):
            for each in (*sorted(tree.rglob("*/"), reverse=True), tree):
                each.rmdir()
        return True

    def run(self, *command: str, text: str = "", statuses: tuple[int, ...] | None = (0,)) -> str:
        """Run a command in there.

        Args:
            command: the program and its arguments.
            text: on its standard input.
            statuses: with which it may end; None for any.

        Returns:
            What it wrote.
        """
        enter = ["nsenter", f"--target={self._leader}", "--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup"]
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        done = subprocess.run(
            [*enter, "--", "env", "-C", "/srv/egxds", *command],
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert statuses is None or done.returncode in statuses, (command, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def shell(self, script: str) -> str:
        """Run a script in there; return what it wrote."""
        return self.run("sh", "-ec", script)

    def write(self, path: str, text: str) -> None:
        """Write a file in there."""
        self.run("mkdir", "-p", str(Path(path).parent))
        self.run("tee", path, text=text)

    def install(self) -> None:
        """Put egxds into /opt/egxds, as pip does where there is an index: what is installed for the tests."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        # Where it is one of somebody's home, its library is not found there any more.
        self.write("/etc/ld.so.conf.d/00-python.conf", "/srv/python/lib\n")
        self.run("ldconfig")
        self.run(f"/srv/python/bin/{version}", "-m", "venv", "--without-pip", "/opt/egxds")
        self.write(f"/opt/egxds/lib/{version}/site-packages/egxds.pth", "/srv/egxds\n/srv/site-packages\n")
        self.write("/opt/egxds/bin/egxds", _SCRIPT)
        self.run("chmod", "+x", "/opt/egxds/bin/egxds")
