"""`egxds explain` over files: who takes a request, who does not and why, and the exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from egxds.cli.application import application
from tests.unit.cli.shop_files import write_shop

SHOP = "http://shop.example.com:8080"


def run(directory: Path, *arguments: str) -> Result:
    """Explain by the files of a directory."""
    return CliRunner().invoke(application, ["explain", *arguments, str(directory)])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files, below the working directory."""
    monkeypatch.chdir(tmp_path)
    return write_shop(tmp_path / "routes").relative_to(tmp_path)


@dataclass(frozen=True)
class Story:
    """What somebody asks, and what the answer has to say."""

    asked: tuple[str, ...]
    says: tuple[str, ...]
    exit_code: int = 0
    never: tuple[str, ...] = field(default=())


STORIES = {
    "a header decides": Story(
        (f"{SHOP}/cart", "-H", "X-Token: hush"),
        (
            "sent to Backend default/beta at 127.0.0.1:3001",
            "HTTPRoute default/shop rule 0 match 0 (routes/shop.yaml:8)",
        ),
    ),
    "without it the next rule has it, whose secret is not told": Story(
        (f"{SHOP}/cart", "-H", "X-Token: other"),
        (
            "sent to Backend default/shop, Backend default/beta at 127.0.0.1:3000, 127.0.0.1:3001",
            "HTTPRoute default/shop rule 1 match 0 (routes/shop.yaml:10)",
            "HTTPRoute default/shop rule 0 match 0 (routes/shop.yaml:8): header x-token has another value",
        ),
        never=("hush",),
    ),
    "a shadowed route": Story(
        (f"{SHOP}/cart",), ("HTTPRoute default/zebra rule 0 match 0 (routes/zebra.yaml:8): it is shadowed",)
    ),
    "a typo in a hostname": Story(
        ("http://shop.exmaple.com:8080/",), ("shop.exmaple.com is nobody's; shop.example.com is",), 1
    ),
    "a path that nobody takes": Story(
        (f"{SHOP}/crat",), ("404, no route of the virtual host takes GET /crat", "it takes prefix /cart"), 1
    ),
    "a backend that is not there": Story(
        (f"{SHOP}/gone",), ("500, denied", "error at routes/shop.yaml:15: no accepted document defines Service"), 1
    ),
    "a redirect": Story((f"{SHOP}/old/x?y=z",), ("301, redirected to https://shop.example.com/old/x?y=z",)),
    "a redirect with a secret": Story((f"{SHOP}/login",), ("/in?access_token=[redacted]",), never=("hush",)),
    "another port": Story(("http://shop.example.com/",), ("no listener has port 80", "0.0.0.0:8080 (default/web)"), 1),
    "TLS where none is spoken": Story(("https://shop.example.com:8080/",), ("it takes no TLS",), 1),
    "a connection as a whole": Story(
        ("tcp://anything:5432",), ("sent to Backend default/shop at 127.0.0.1:3000", "routes/db.yaml:1")
    ),
    "no request to what looks at requests": Story(("tcp://anything:8080",), ("it looks at requests",)),
    "a Secret that is not there": Story(
        ("https://shop.example.com:8443/",),
        (
            "no listener has port 8443",
            "error at routes/gateway.yaml:9: listener https: no accepted document defines Secret",
        ),
        1,
    ),
    "an address that is not bound": Story((f"{SHOP}/", "--address", "::1"), ("no listener has port 8080 of ::1",), 1),
    "a Gateway by name": Story((f"{SHOP}/cart", "--gateway", "default/web"), ("Gateway default/web",)),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_stories(shop: Path, story: Story) -> None:
    """What a user asks at 3 a.m."""
    result = run(shop, *story.asked)
    assert (result.exit_code, result.exception is None or isinstance(result.exception, SystemExit)) == (
        story.exit_code,
        True,
    ), result.output
    assert [text for text in story.says if text not in result.stdout] == [], result.stdout
    assert [text for text in story.never if text in result.stdout] == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("shop.test",), "write it with its scheme"),
        (("http://shop.test:99999/",), "no URL"),
        (("tcp://shop.test",), "names no port"),
        (("http:///x",), "names no host"),
        ((f"{SHOP}/", "-H", "no colon"), "'name: value'"),
        ((f"{SHOP}/", "-X", "G T"), "is no method"),
        ((f"{SHOP}/", "--address", "shop.test"), "is no IP address"),
        ((f"{SHOP}/", "--gateway", "default/no"), "there are: default/web"),
        (("http://[::1/",), "no URL"),
        ((f"{SHOP}/", "nowhere"), "there is no nowhere"),
        ((f"{SHOP}/", "--admin", "127.0.0.1:1"), "by which of them"),
    ],
    ids=str,
)
def test_what_is_no_question(shop: Path, asked: tuple[str, ...], says: str) -> None:
    """Usage is told in one line, with exit code 2."""
    result = run(shop, *asked)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_data(shop: Path) -> None:
    """JSON has all of it."""
    found = json.loads(run(shop, f"{SHOP}/cart", "-o", "json").stdout)
    (answer,) = found["answers"]
    assert [step["what"] for step in answer["way"]] == [
        "listener",
        "filter chain",
        "route configuration",
        "virtual host",
    ]
    (taking,) = answer["takes"]
    assert taking["source"] == {"file": "routes/shop.yaml", "line": 10}
    assert taking["path"] == "/cart"


def test_a_share_by_chance_is_not_guessed(shop: Path) -> None:
    """Backends with filters of their own are routes of their own; each has its part of the requests."""
    path = shop / "shop.yaml"
    tag = "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-tag, value: a}]}}]"
    path.write_text(path.read_text().replace("name: shop, weight: 3}", f"name: shop, weight: 3, {tag}}}"))
    first, second, *_ = run(shop, f"{SHOP}/cart").stdout.splitlines()
    assert "it depends on chance: 75 % of the requests" in first
    assert "127.0.0.1:3000" in first
    assert "127.0.0.1:3001" in second
    assert "depends" not in second


def test_names_never_reach_a_terminal_raw(shop: Path) -> None:
    """Not those of a URL either."""
    result = run(shop, f"{SHOP}/\x1b[2J")
    assert "\x1b" not in result.output
