"""What an Envoy would see of what somebody asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.inspect.explain.hosts import near_names
from egxds.inspect.explain.question import QuestionError, ask, split_port


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://shop.test", ("shop.test", "", 80, "/", None)),
        ("https://Shop.Test./a b?c=d e#f", ("Shop.Test.", "shop.test", 443, "/a%20b?c=d%20e", None)),
        ("http://u:p@shop.test:8080/ä", ("shop.test:8080", "", 8080, "/%C3%A4", None)),
        ("https://bücher.test:8443/", ("xn--bcher-kva.test:8443", "xn--bcher-kva.test", 8443, "/", None)),
        ("http://[::1]:8080/", ("[::1]:8080", "", 8080, "/", "::1")),
        ("https://127.0.0.1/", ("127.0.0.1", "", 443, "/", "127.0.0.1")),
        ("tls://db.test:5432", ("db.test:5432", "db.test", 5432, "/", None)),
    ],
)
def test_urls(url: str, seen: tuple[object, ...]) -> None:
    """Host, server name, port, path and address."""
    asked = ask(url)
    assert (asked.authority, asked.server_name, asked.port, asked.path, asked.address) == seen


def test_headers() -> None:
    """As curl has them: Host replaces that of the URL, and a scheme may bring its own."""
    asked = ask("grpc://shop.test/pkg.Service/Method", ["Host: other.test", "X-A: 1", "x-a:2"])
    assert (asked.method, asked.authority) == ("POST", "other.test")
    assert asked.values("x-a") == ("1", "2")
    assert asked.values("content-type") == ("application/grpc",)
    assert asked.values(":authority") == asked.values("host") == ("other.test",)
    assert ask("grpc://shop.test/", ["Content-Type: application/grpc+json"]).values("content-type") == (
        "application/grpc+json",
    )


@given(st.text(max_size=40))
def test_any_text_is_a_question_or_refused(text: str) -> None:
    """Never anything else."""
    for url in (text, f"http://{text}", f"https://shop.test/{text}"):
        try:
            asked = ask(url, [f"x: {text}"] if text.isprintable() else [])
        except QuestionError:
            continue
        assert asked.path.isascii()
        assert asked.authority


@pytest.mark.parametrize(
    ("authority", "parts"),
    [
        ("a.test", ("a.test", "")),
        ("a.test:80", ("a.test", "80")),
        ("[::1]", ("[::1]", "")),
        ("[::1]:8", ("[::1]", "8")),
    ],
)
def test_ports_of_hosts(authority: str, parts: tuple[str, str]) -> None:
    """Brackets hold no port."""
    assert split_port(authority) == parts


_HOST = "shop.example.com"
_MANY = [f"host-{number}.example.org" for number in range(1000)]


@given(st.integers(0, len(_HOST) - 2), st.sampled_from(["swap", "drop", "double", "other"]))
def test_a_slip_of_the_hand_is_found_among_many(at: int, slip: str) -> None:
    """Two letters exchanged, one left out, one twice, another one."""
    first, second, rest = _HOST[at], _HOST[at + 1], _HOST[at + 2 :]
    typed = {"swap": second + first, "drop": second, "double": first + first + second, "other": "q" + second}[slip]
    name = _HOST[:at] + typed + rest
    found = near_names(name, [*_MANY, _HOST, "*"])
    assert found[:1] == ([_HOST] if name != _HOST else [])
