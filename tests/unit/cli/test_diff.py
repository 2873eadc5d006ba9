"""`egxds diff` of files: what is other, which connections drain for it, and the exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from egxds.cli.application import application
from tests.envoy.certificates import Authority
from tests.unit.cli.shop_files import write_shop

TLS_LISTENER = """\
    - name: tls
      port: 8443
      protocol: HTTPS
      hostname: {hostname}
      tls: {{certificateRefs: [{{name: cert}}]}}
"""


def run(*arguments: str | Path) -> Result:
    """Compare."""
    return CliRunner().invoke(application, ["diff", *map(str, arguments)])


@pytest.fixture
def states(tmp_path: Path) -> tuple[Path, Path]:
    """The files twice."""
    return write_shop(tmp_path / "before"), write_shop(tmp_path / "after")


def edit(directory: Path, name: str, before: str, after: str) -> None:
    """Replace a text in a file."""
    path = directory / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


@dataclass(frozen=True)
class Story:
    """An edit of a file, and what is said of it.

    Attributes:
        types: of the resources that are other, each with what happens to it.
        drains: what is said of the listeners that drain.
    """

    file: str
    before: str
    after: str
    types: tuple[str, ...]
    drains: tuple[str, ...] = ()


STORIES = {
    "a weight": Story("shop.yaml", "weight: 3", "weight: 4", ("~ endpoint",)),
    "an endpoint": Story("beta-backend.yaml", "3001", "3009", ("~ endpoint", "~ endpoint", "~ endpoint")),
    "a path": Story("shop.yaml", "/old", "/older", ("~ route",)),
    "a port": Story("gateway.yaml", "port: 8080", "port: 8081", ("~ listener",), ("all its connections: address",)),
    "a listener more": Story(
        "gateway.yaml",
        "    - {name: db,",
        "    - {name: x, port: 81, protocol: HTTP}\n    - {name: db,",
        ("+ listener", "+ route"),
    ),
    "a backend of connections": Story("db.yaml", "name: shop", "name: beta", ("~ endpoint",)),
    "a name of a route of connections": Story(
        "db.yaml",
        "{name: db}",
        "{name: data}",
        ("- cluster", "+ cluster", "- endpoint", "+ endpoint", "~ listener"),
        ("connections of tcproute/default/db: only filter chains differ",),
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_stories(states: tuple[Path, Path], story: Story) -> None:
    """Each edit changes what it is about, and drains what it must."""
    edit(states[1], story.file, story.before, story.after)
    result = run(*states)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    heads = [" ".join(line.split()[:2]) for line in lines if line[0] in "+-~"]
    assert sorted(heads) == sorted(story.types)
    drains = [line.strip() for line in lines if line.startswith("    drains ")]
    assert len(drains) == len(story.drains)
    for line, said in zip(drains, story.drains, strict=True):
        assert said in line
    assert ("no connection drains" in lines[-1]) == (not story.drains)


def test_the_same(states: tuple[Path, Path]) -> None:
    """Equal files, in whatever files they stand, are the same."""
    text = "---\n".join(path.read_text() for path in sorted(states[1].glob("*.yaml")))
    for path in states[1].glob("*.yaml"):
        path.unlink()
    (states[1] / "all.yaml").write_text(text)
    result = run(*states)
    assert (result.exit_code, result.stdout) == (0, "the same\n")


def test_data(states: tuple[Path, Path]) -> None:
    """JSON and YAML have all of it, with the place in the files."""
    edit(states[1], "gateway.yaml", "port: 8080", "port: 8081")
    found = json.loads(run(*states, "-o", "json").stdout)
    assert found == yaml.safe_load(run(*states, "-o", "yaml").stdout)
    (change,) = found["changes"]
    assert (change["type"], change["name"], change["change"]) == ("listener", "default/web/http", "changed")
    assert change["sources"][0]["file"].endswith("gateway.yaml")
    assert change["drains"] == {"all": True, "filterChains": [], "reason": "address differs"}
    assert found["counts"] == {"added": 0, "removed": 0, "changed": 1}


def test_chains_of_https_drain_alone(states: tuple[Path, Path]) -> None:
    """A hostname more is another chain: that of the others keeps its connections."""
    pair = Authority().issue("a.example.com", "b.example.com")
    for directory in states:
        (directory / "secret.yaml").write_text(pair.secret("cert"))
        edit(
            directory,
            "gateway.yaml",
            "  listeners:\n",
            "  listeners:\n" + TLS_LISTENER.format(hostname="a.example.com"),
        )
    more = TLS_LISTENER.format(hostname="b.example.com").replace("name: tls", "name: more")
    edit(states[1], "gateway.yaml", "    - {name: db,", more + "    - {name: db,")
    result = run(*states)
    assert "filter_chains default/web/more (added):" in result.stdout
    assert "no connection drains" in result.stdout
    back = run(*reversed(states))
    assert "drains connections of default/web/more: only filter chains differ" in back.stdout


def test_secrets_are_hidden(states: tuple[Path, Path]) -> None:
    """Another key is a change, of which nothing is shown but the certificate, and drains nothing."""
    for directory in states:
        (directory / "secret.yaml").write_text(Authority().issue("a.example.com").secret("cert"))
        edit(
            directory,
            "gateway.yaml",
            "  listeners:\n",
            "  listeners:\n" + TLS_LISTENER.format(hostname="a.example.com"),
        )
    result = run(*states)
    assert "~ secret default/cert" in result.stdout
    assert "PRIVATE" not in result.stdout
    assert "no connection drains" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{before}",), "name two"),
        ((), "name two"),
        (("{before}", "{after}", "{after}"), "name two"),
        (("{before}", "nowhere"), "there is no nowhere"),
        (("--live",), "settings file"),
        (("--live", "--admin", "127.0.0.1:1", "{before}"), "cannot ask the daemon"),
    ],
    ids=str,
)
def test_what_cannot_be_compared(states: tuple[Path, Path], arguments: tuple[str, ...], says: str) -> None:
    """It is no difference: 2 or more."""
    before, after = states
    result = run(*(each.format(before=before, after=after) for each in arguments))
    assert result.exit_code >= 2
    assert says in result.stderr
