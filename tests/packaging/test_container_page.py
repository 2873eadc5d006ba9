"""docs/run/container.md does what it says, its containers on an engine of ours: there is none on the machines of CI."""

from __future__ import annotations

import argparse
import contextlib
import functools
import re
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.blocks import ROOT, Block, blocks
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.waiting import wait_for
from tests.packaging.engine import own_network
from tests.packaging.image_build import Image
from tests.packaging.services import COMPOSE, SERVICES, Service

PAGE = blocks(ROOT / "docs/run/container.md")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FILES = "$PWD"
LOOKED_AT = {"engine: build", "engine: run", "engine: prints config/container/envoy.yaml", "engine: exec"}
LOOKED_AT |= {"engine: once", "engine: over the network", "compose: up", "settings", "shell"}

pytestmark = pytest.mark.timeout(600)


def of(marker: str) -> list[Block]:
    """The blocks with a marker."""
    found = [each for each in PAGE if each.marker == marker]
    assert found, marker
    return found


def lines(block: Block) -> list[list[str]]:
    """The commands of a block, as words."""
    return [shlex.split(line) for line in block.text.replace("\\\n", " ").splitlines()]


def parser() -> argparse.ArgumentParser:
    """Those options of an engine that the page uses; one that is misspelt is an error."""
    engine = argparse.ArgumentParser(prog="engine", exit_on_error=False)
    verbs = engine.add_subparsers(dest="verb", required=True)
    build = verbs.add_parser("build")
    for name in ("--format", "--tag"):
        build.add_argument(name)
    for name in ("--secret", "--build-arg"):
        build.add_argument(name, action="append", default=[])
    build.add_argument("context")
    run = verbs.add_parser("run")
    for name in ("--detach", "--rm", "--read-only"):
        run.add_argument(name, action="store_true")
    for name in ("--name", "--restart", "--cap-drop", "--memory", "--user", "--entrypoint", "--publish"):
        run.add_argument(name)
    run.add_argument("--volume", action="append", default=[])
    run.add_argument("image")
    run.add_argument("command", nargs=argparse.REMAINDER)
    execute = verbs.add_parser("exec")
    execute.add_argument("name")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    return engine


def parsed(words: list[str]) -> argparse.Namespace:
    """A command of docker or podman."""
    assert words[0] in ("docker", "podman")
    return parser().parse_args(words[1:])


def declared(run: argparse.Namespace, files: Path) -> dict[str, Any]:
    """What compose.yaml would say of a container."""
    keys: dict[str, Any] = {"image": run.image, "volumes": [each.replace(FILES, str(files)) for each in run.volume]}
    keys |= {"command": run.command} if run.command else {}
    keys |= {"entrypoint": [run.entrypoint]} if run.entrypoint else {}
    return keys | ({"user": run.user} if run.user else {})


def test_every_block_is_looked_at() -> None:
    """One whose marker is misspelt would be read by nobody; those of systemd are for eyes only."""
    assert {each.marker for each in PAGE if each.language != "text"} == LOOKED_AT


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_the_readme_says_the_same(engine: str) -> None:
    """The commands that it has are those of the page."""
    (block,) = (each for each in blocks(ROOT / "README.md") if each.marker == f"engine: {engine}")
    known = [words for marker in ("engine: build", "engine: run") for each in of(marker) for words in lines(each)]
    assert [words for words in lines(block) if words not in known] == []


@pytest.mark.parametrize("block", of("engine: build"), ids=lambda block: block.text.strip()[:60])
def test_builds_with_what_the_dockerfile_takes(block: Block) -> None:
    """Names of arguments and of the secret are those that stand there."""
    (build,) = map(parsed, lines(block))
    assert (build.context, build.tag) == (".", "egxds")
    for name, _, value in (each.partition("=") for each in build.build_arg):
        assert re.search(rf"(?m)^ARG {name}$", DOCKERFILE)
        assert name != "PIP_CERT" or value == "/run/secrets/ca"
    assert [each for each in build.secret if f"type=secret,{each.split(',')[0]} " not in DOCKERFILE] == []


def test_compose_publishes_what_is_asked_for() -> None:
    """What it serves is asked of it in `test_compose.py`."""
    (up, curl) = lines(of("compose: up")[0])
    assert up[:3] == ["docker", "compose", "up"]
    assert f"http://localhost:{SERVICES['envoy']['ports'][0].partition(':')[0]}/" in curl
    assert COMPOSE.name == "compose.yaml"


@dataclass(frozen=True)
class Engine:
    """Runs commands of the page.

    Attributes:
        files: what stands for `$PWD`.
    """

    image: Image
    directory: Path
    envoy: Path
    stack: contextlib.ExitStack
    files: Path = ROOT

    def run(self, words: list[str]) -> Service:
        """Start what a command starts."""
        run = parsed(words)
        assert (run.read_only, run.cap_drop, run.restart) == (True, "ALL", "unless-stopped")
        return self.start(run.name, declared(run, self.files))

    def start(self, name: str, keys: dict[str, Any]) -> Service:
        """Start a container; what is not of our image gets what stands in for its own."""
        service = Service(name, keys, self.image, self.directory)
        self.stack.callback(service.discard)
        if not keys["image"].endswith("egxds"):
            service.stand_in(self.envoy)
        service.launch()
        return service


@pytest.fixture
def engine(image: Image, envoy_binary: Path, tmp_path: Path) -> Iterator[Engine]:
    """With a network of its own, in which a site is."""
    with own_network(), contextlib.ExitStack() as stack:
        yield Engine(image, tmp_path, envoy_binary, stack)


def serves(services: list[Service]) -> bool:
    """Whether Envoy answers as the site does."""
    for each in services:
        each.assert_alive()
    return http_get(8080).status == 200


def succeeds(service: Service, command: list[str]) -> bool:
    """Whether a command in a container ends well."""
    return service.execute(command) == 0


@pytest.mark.envoy
@pytest.mark.parametrize("block", of("engine: run"), ids=["docker", "podman"])
def test_runs(engine: Engine, block: Block) -> None:
    """Both containers, and what is asked of the daemon inside of its own."""
    services = [*map(engine.run, lines(block)), engine.start("site", SERVICES["site"])]
    wait_for(lambda: serves(services), "the site behind Envoy", deadline_s=60)
    for words in lines(of("engine: exec")[0]):
        execute = parsed(words)
        assert execute.name == "egxds"
        wait_for(functools.partial(succeeds, services[0], execute.command), shlex.join(words), deadline_s=60)


@pytest.mark.parametrize("marker", ["engine: once", "engine: prints config/container/envoy.yaml"])
def test_runs_once(engine: Engine, marker: str) -> None:
    """A command of egxds in a container that ends; what it prints is the file of the project."""
    (words,) = lines(of(marker)[0])
    service = engine.start("once", declared(parsed(words), ROOT))
    wait_for(lambda: service.exit_code is not None, shlex.join(words), deadline_s=60)
    assert service.exit_code == 0, service.log
    if file := marker.partition("prints ")[2]:
        assert (ROOT / file).read_text().partition("\n")[2] == service.log


def shakes_hands(context: ssl.SSLContext) -> bool:
    """Whether the xDS port takes a client; TLS 1.3 tells of a refusal with the first that is read."""
    address = ("127.0.0.1", 18000)
    with socket.create_connection(address) as plain, context.wrap_socket(plain, server_hostname="egxds") as connection:
        connection.settimeout(20.0)
        try:
            return bool(connection.recv(1))
        except ssl.SSLError:
            return False


def test_over_the_network(engine: Engine, tmp_path: Path) -> None:
    """The published port takes who has a certificate, and nobody else."""
    etc = tmp_path / "etc"
    (etc / "tls").mkdir(parents=True)
    authority = Authority()
    own, client = authority.issue("egxds"), authority.issue("envoy")
    for name, text in (("tls.crt", own.cert), ("tls.key", own.key), ("ca.crt", authority.cert)):
        (etc / "tls" / name).write_text(text)
    (tmp_path / "client.pem").write_text(client.cert + client.key)
    (etc / "egxds.yaml").write_text(of("settings")[0].text)
    (etc / "routes").mkdir()
    (etc / "routes/site.yaml").write_text((ROOT / "config/container/routes/site.yaml").read_text())
    (words,) = lines(of("engine: over the network")[0])
    assert parsed(words).publish == "18000:18000"
    service = Engine(engine.image, tmp_path, engine.envoy, engine.stack, tmp_path).run(words)
    wait_for(
        lambda: service.exit_code is None and http_get(19080, path="/readyz").status == 200, "egxds", deadline_s=60
    )

    context = ssl.create_default_context(cadata=authority.cert)
    context.set_alpn_protocols(["h2"])
    assert not shakes_hands(context)
    context.load_cert_chain(tmp_path / "client.pem")
    assert shakes_hands(context)


def test_the_bill_of_materials(image: Image) -> None:
    """The command prints what the image has."""
    ((program, *arguments),) = lines(of("shell")[0])
    assert program == "python"
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == (image.tree / "opt/egxds/share/sbom.cdx.json").read_text()


def test_settings_are_settings() -> None:
    """Its routes are where the page mounts them."""
    settings = yaml.safe_load(of("settings")[0].text)
    assert settings["sources"]["files"]["paths"] == ["/etc/egxds/routes"]
