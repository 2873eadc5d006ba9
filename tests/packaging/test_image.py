"""The container image: built from the Dockerfile and run the way a cautious user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.client import http_get
from tests.envoy.manifests import gateway, http
from tests.envoy.processes import ROOT, Child
from tests.envoy.waiting import wait_for
from tests.ports import free_port

pytestmark = pytest.mark.timeout(600)

HOOK = Path("/usr/share/mmdebstrap/hooks/merged-usr")
# Beside Python and a shell: what every slim image of Debian has, and wheels expect.
BASE_PACKAGES = "python3,python3-venv,dash,coreutils,libc-bin,libstdc++6,ca-certificates"
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class Image:
    """A built image.

    Attributes:
        tree: its files.
        config: its OCI configuration.
    """

    tree: Path
    config: dict[str, Any]


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


def make_base(buildah: Buildah, scratch: Path) -> None:
    """Make a base image of Debian's own Python: there is no image registry to take one from."""
    tree = scratch / "base.tar"
    lean = "--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*"
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--hook-dir={HOOK}", f"--include={BASE_PACKAGES}", lean]
    subprocess.run([*command, "bookworm", str(tree)], check=True)
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(tree), "/")
    buildah("commit", "--quiet", container, "localhost/base")


def fetch_wheels(scratch: Path) -> Path:
    """Fetch everything the build installs, with the package index that this Python uses."""
    sources = scratch / "sources"
    shutil.copytree(ROOT / "egxds", sources / "egxds", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, sources)
    wheels = scratch / "wheels"
    wanted = [str(sources), "setuptools>=77"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(wheels), *wanted], check=True)
    return wheels


@pytest.fixture(scope="module")
def image(require: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image of the Dockerfile, on a base of Debian's Python."""
    require("buildah", "mmdebstrap")
    if os.geteuid() != 0:
        pytest.skip("only root may build and run an image here")
    scratch = tmp_path_factory.mktemp("image")
    buildah = Buildah(scratch)
    make_base(buildah, scratch)
    offline = ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/wheels"]
    volume = ["--volume", f"{fetch_wheels(scratch)}:/wheels:ro"]
    base = ["--build-arg", "BASE_IMAGE=localhost/base", "--pull-never"]
    buildah("bud", "--quiet", *base, *offline, *volume, "--tag", "localhost/egxds", ".")
    container = buildah("from", "--pull-never", "localhost/egxds")
    config = json.loads(buildah("inspect", "--type", "image", "localhost/egxds"))["OCIv1"]["config"]
    yield Image(Path(buildah("mount", container)), config)
    buildah("umount", "--all")
    shutil.rmtree(scratch)


@pytest.fixture
def container(image: Image, tmp_path: Path) -> Iterator[Child]:
    """The image's own command, as its own user, on a root that nobody can write to."""
    command = [*image.config["Entrypoint"], *image.config["Cmd"]]
    path = next(entry for entry in image.config["Env"] if entry.startswith("PATH="))
    enter = ["chroot", f"--userspec={image.config['User']}", str(image.tree), "env", "-i", path, *command]
    child = Child("container", tmp_path / "container.log")
    child.spawn(["/usr/bin/unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(image.tree), *enter])
    yield child
    child.discard()


@pytest.fixture(scope="module")
def admin_port(image: Image) -> int:
    """Where the admin server listens; settings and routes lie where a user mounts them."""
    port = free_port()
    mounted = image.tree / "etc/egxds"
    settings = {
        "sources": {"files": {"paths": ["routes/"]}},
        "xds": {"address": f"127.0.0.1:{free_port()}"},
        "admin": {"address": f"127.0.0.1:{port}"},
    }
    (mounted / "egxds.yaml").write_text(json.dumps(settings))
    (mounted / "routes").mkdir()
    (mounted / "routes/gateway.yaml").write_text(gateway("web", http(free_port())))
    return port


def is_ready(container: Child, port: int) -> bool:
    """Whether the daemon in the container serves."""
    container.assert_alive()
    return http_get(port, path="/readyz").status == 200


def test_serves_as_nobody_and_stops(admin_port: int, container: Child) -> None:
    """It serves without root and without a writable root, and SIGTERM ends it cleanly."""
    wait_for(lambda: is_ready(container, admin_port), "the container to be ready", deadline_s=30)
    status = Path(f"/proc/{container.pid}/status").read_text()
    assert "Uid:\t65532\t65532\t65532\t65532" in status
    assert "Gid:\t65532\t65532\t65532\t65532" in status
    assert container.stop() == 0


def test_holds_no_tools(image: Image) -> None:
    """The installed tree has the daemon and its libraries, neither pip nor the sources."""
    assert not (image.tree / "src").exists()
    assert not list((image.tree / "opt/egxds").rglob("pip"))


def test_stops_the_way_it_says(image: Image) -> None:
    """A container runtime is told the signal that the daemon drains on, and a user that is a number."""
    assert image.config["StopSignal"] == "SIGTERM"
    assert image.config["User"] == "65532:65532"
