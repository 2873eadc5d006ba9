"""The site that README.md shows is served as it says, and its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks
from tests.docs.story import Reader
from tests.envoy.certificates import Authority

README = ROOT / "README.md"
SETTINGS = "sources: {files: {paths: [routes/]}}\n"
CURL = "curl -i --cacert site.crt"
ANSWERS = (
    "$ curl -i http://shop.test:8080/\nHTTP/1.1 301 Moved Permanently\nlocation: https://shop.test:8443/\n",
    f"$ {CURL} https://blog.test:8443/\nHTTP/1.1 200 OK\n\nblog\n",
    f"$ {CURL} https://shop.test:8443/\nHTTP/1.1 200 OK\n\nshop\n",
    f"$ {CURL} https://shop.test:8443/\nHTTP/1.1 200 OK\n\nnew-shop\n",
)
BACKENDS = {"shop": 3001, "new-shop": 3002, "blog": 3003}


def _site() -> str:
    (found,) = (each.text for each in blocks(README) if each.marker == "site")
    return found


def test_every_link_leads_to_a_file() -> None:
    """Sphinx looks at those of the other pages."""
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_task_has_a_link() -> None:
    """Who begins here finds the page of each."""
    text = README.read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT).as_posix() for page in (ROOT / "docs" / "how-to").glob("*.md")]
    assert [page for page in pages if f"]({page})" not in text] == []


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody who has copied the site into a file, and has what it names."""
    authority = Authority()
    (tmp_path / "site.crt").write_text(authority.cert)
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "certificate.yaml").write_text(
        authority.issue("shop.test", "blog.test", days_left=90).secret("site")
    )
    reader = Reader(tmp_path)
    reader.follow(Block("story: write egxds.yaml", "yaml", SETTINGS))
    reader.follow(Block("story: write routes/site.yaml", "yaml", _site()))
    for name in BACKENDS:
        reader.follow(Block(f"story: write {name}/index.html", "html", f"{name}\n"))
    yield reader
    reader.discard()


@pytest.mark.envoy
@pytest.mark.usefixtures("envoy_binary")
def test_the_site_is_served(reader: Reader) -> None:
    """Checked without a word, and then each thing that is said of it, once."""
    reader.follow(Block("story: run", "sh", "egxds validate --strict -c egxds.yaml\n"))
    servers = [f"python -m http.server {port} --directory {name}" for name, port in BACKENDS.items()]
    reader.follow(Block("story: start", "sh", "\n".join([*servers, "egxds up -c egxds.yaml"])))
    for answer in ANSWERS:
        reader.follow(Block("story: answer", "", answer))
