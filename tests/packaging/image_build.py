"""Builds the image of the Dockerfile without a daemon, a registry or a network of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.envoy.processes import ROOT

_HOOK = Path("/usr/share/mmdebstrap/hooks/merged-usr")
# Beside Python and a shell: what every slim image of Debian has, and wheels expect.
_BASE_PACKAGES = "python3,python3-venv,dash,coreutils,libc-bin,libstdc++6,ca-certificates"
_BASE = ("--build-arg", "BASE_IMAGE=localhost/base", "--pull-never")
_LOCKS = ("requirements.lock", "build.lock")


@dataclass(frozen=True)
class Image:
    """A built image.

    Attributes:
        tree: its files.
        config: its configuration: user, command, labels, health check.
    """

    tree: Path
    config: dict[str, Any]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of it to its end, as its user; it finds the kernel's files nowhere."""
        enter = ["chroot", f"--userspec={self.config['User']}", str(self.tree), "/usr/bin/env", "-i"]
        return subprocess.run(
            [*enter, *self.config["Env"], *command], capture_output=True, text=True, timeout=120, check=False
        )


class Buildah:
    """buildah with a store of its own, without a daemon and without a container runtime."""

    def __init__(self, scratch: Path) -> None:
        self._store = ["--root", str(scratch / "store"), "--runroot", str(scratch / "run"), "--storage-driver", "vfs"]

    def __call__(self, *arguments: str) -> str:
        """Run a command; return what it printed last."""
        environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        command = ["buildah", *self._store, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def build(self, *options: str) -> None:
        """Build what the Dockerfile says on the base of `make_base`."""
        self("bud", "--quiet", *_BASE, *options, ".")

    def image(self, name: str) -> Image:
        """Return an image, with its files where they can be looked at."""
        container = self("from", "--pull-never", name)
        config = json.loads(self("inspect", "--type", "image", name))["Docker"]["config"]
        return Image(Path(self("mount", container)), config)


def make_base(buildah: Buildah, scratch: Path) -> None:
    """Make a base image of Debian's own Python: there is no image registry to take one from."""
    tree = scratch / "base.tar"
    lean = "--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*"
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--hook-dir={_HOOK}", f"--include={_BASE_PACKAGES}", lean]
    subprocess.run([*command, "bookworm", str(tree)], check=True)
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(tree), "/")
    buildah("commit", "--quiet", container, "localhost/base")
    tree.unlink()


def fetch_wheels(wheels: Path) -> None:
    """Fetch what the locks name, for the Python of the base, with the package index that this Python uses."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels), "--require-hashes", "--no-deps"]
    target = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.11"]
    for lock in _LOCKS:
        subprocess.run([*pip, *target, "--requirement", str(ROOT / "config/container" / lock)], check=True)


def lay_out_as_index(wheels: Path, index: Path) -> None:
    """Copy wheels to where an index has them: a directory for each package (Simple Repository API)."""
    for wheel in wheels.glob("*.whl"):
        package = index / wheel.name.partition("-")[0].replace("_", "-").lower()
        package.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel, package)
