"""The container image: built from the Dockerfile and run the way a cautious user runs it."""

from __future__ import annotations

import functools
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from egxds import __version__
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.waiting import wait_for
from tests.packaging.image_build import Buildah, Image, lay_out_as_index
from tests.packaging.services import SERVICES, Service

pytestmark = pytest.mark.timeout(600)

STOP_LIMIT_S = 30.0
"""More than an engine gives: on a machine that is busy an end takes longer, and behind a lost signal none comes."""
DELAYS_S = (0, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 0.6, 1.0)
SBOM = "opt/egxds/share/sbom.cdx.json"

# Imports all of egxds; prints which packages are installed, and which are not imported with it.
WALK = """
import importlib, json, pkgutil, sys
from importlib.metadata import distributions, packages_distributions
import egxds
for module in pkgutil.walk_packages(egxds.__path__, "egxds."):
    if not module.name.startswith("egxds.extension.template"):
        importlib.import_module(module.name)
owners = packages_distributions()
loaded = {owner for name in sys.modules for owner in owners.get(name.partition(".")[0], ())}
installed = {each.name: each.version for each in distributions()}
print(json.dumps({"installed": installed, "not loaded": sorted(set(installed) - loaded)}))
"""
IMPORTED_LATER = {"idna": "anyio, for names of hosts beyond ASCII", "uvloop": "when a daemon starts its loop"}


@pytest.fixture
def egxds(image: Image, network: None, tmp_path: Path) -> Iterator[Service]:
    """The image's own command on a root that nobody can write to, with routes mounted; not started yet."""
    egxds = Service("egxds", SERVICES["egxds"], image, tmp_path)
    yield egxds
    egxds.discard()


def is_ready(egxds: Service) -> bool:
    """Whether it serves."""
    egxds.assert_alive()
    return http_get(19080, path="/readyz").status == 200


def test_serves_as_nobody_and_stops(egxds: Service) -> None:
    """It serves as process 1, without root and without a writable root; SIGTERM ends it cleanly."""
    egxds.launch()
    wait_for(lambda: is_ready(egxds), "the container to be ready", deadline_s=60)
    status = Path(f"/proc/{egxds.first_process}/status").read_text()
    assert f"NSpid:\t{egxds.first_process}\t1\n" in status
    assert "Uid:\t65532\t65532\t65532\t65532" in status
    assert "Gid:\t65532\t65532\t65532\t65532" in status
    assert "SigBlk:\t0000000000000000" in status
    assert egxds.end_within(STOP_LIMIT_S) == 0


@pytest.mark.parametrize("delay_s", DELAYS_S)
def test_stops_from_the_first_moment_on(egxds: Service, delay_s: float) -> None:
    """SIGTERM is not lost, however early it comes: no engine has to wait for its limit, and kill."""
    egxds.launch()
    wait_for(egxds.keeps_signals, "the image's command")
    # How far the start has come is what matters, and nothing tells it.
    threading.Event().wait(delay_s)
    assert egxds.end_within(STOP_LIMIT_S) == 0


def test_what_it_says_of_itself(image: Image) -> None:
    """A container runtime is told what it has to know, and people what it is."""
    config = image.config
    settings = "/etc/egxds/egxds.yaml"
    assert (config["User"], config["StopSignal"]) == ("65532:65532", "SIGTERM")
    assert set(config["Volumes"]) == {"/run/egxds", "/var/lib/egxds"}
    assert config["Healthcheck"]["Test"] == ["CMD", "egxds", "healthcheck", "-c", settings]
    assert config["Cmd"] == ["serve", "-c", settings]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert (labels["title"], labels["licenses"], labels["version"]) == ("egxds", "Apache-2.0", __version__)
    assert (labels["revision"], labels["source"]) == ("0123abc", "https://example.com/egxds")
    assert "Envoy" in labels["description"]


def test_holds_no_tools(image: Image) -> None:
    """Neither pip nor a compiler, neither the sources nor what they were built with."""
    unwanted = {"pip", "pip3", "ensurepip", "setuptools", "gcc", "cc", "make", "src", "build", "dist"}
    top = {path.name for path in image.tree.iterdir()}
    programs = {path.name for path in (image.tree / "usr/bin").iterdir()}
    modules = {path.name for path in image.tree.rglob("python3*/*")} | {
        path.name for path in image.tree.rglob("*-packages/*")
    }
    assert not unwanted & (top | programs | modules)
    assert not list(image.tree.rglob("pip-*.whl"))


@pytest.fixture(scope="module")
def walk(image: Image) -> dict[str, Any]:
    """What `WALK` prints."""
    done = image.run("python", "-c", WALK)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_holds_what_is_imported_and_nothing_else(image: Image, walk: dict[str, Any]) -> None:
    """Every module of egxds is imported with what is there; every package that is there is imported by something."""
    assert walk["not loaded"] == sorted(IMPORTED_LATER)
    assert image.run("python", "-c", f"import {', '.join(IMPORTED_LATER)}").returncode == 0


def test_the_bill_of_materials_is_what_is_installed(image: Image, walk: dict[str, Any]) -> None:
    """Name by name and version by version."""
    bill = json.loads((image.tree / SBOM).read_text())
    named = {each["name"]: each["version"] for each in (*bill["components"], bill["metadata"]["component"])}
    assert {name.lower().replace("_", "-"): version for name, version in walk["installed"].items()} == named


COMMANDS = {
    "validate": ("validate", "--strict", "routes"),
    "translate": ("translate", "routes"),
    "diff": ("diff", "routes", "routes"),
    "explain": ("explain", "http://site.test:8080/", "routes"),
    "bootstrap": ("bootstrap", "-c", "egxds.yaml", "--gateway", "default/web"),
    "hooks test": ("hooks", "test", "-c", "egxds.yaml"),
    "extension stubs": ("extension", "stubs", "--help"),
    "healthcheck": ("healthcheck", "--help"),
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_commands_need_nothing_that_is_left_out(image: Image, arguments: tuple[str, ...]) -> None:
    """They run in the image as its user, over the files of the example."""
    directory = image.tree / "etc/egxds/routes"
    example = Path(__file__).parents[2] / "config/container/routes/site.yaml"
    (directory / example.name).write_bytes(example.read_bytes())
    done = image.run("env", "-C", "/etc/egxds", "egxds", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def index(scratch: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An index of wheels, by HTTPS, and the CA that alone vouches for it."""
    authority = Authority()
    pair = authority.issue("localhost")
    for name, text in (("server.pem", pair.cert + pair.key), ("ca.pem", authority.cert)):
        (tmp_path / name).write_text(text)
    lay_out_as_index(scratch / "wheels", tmp_path / "simple")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    # The handshake of a connection is for its own thread: a client that stops in the middle of it stops no other.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/simple", tmp_path / "ca.pem"
    server.shutdown()
    thread.join()
    server.server_close()


def test_builds_from_an_index_with_a_ca_of_its_own(buildah: Buildah, index: tuple[str, Path]) -> None:
    """The CA is given as a secret, and nothing else vouches for that index: without it there is nothing to install."""
    url, ca = index
    secret = ["--secret", f"id=ca,src={ca}", "--build-arg", "PIP_CERT=/run/secrets/ca"]
    buildah.build("--target", "tools", *secret, "--build-arg", f"PIP_INDEX_URL={url}")
