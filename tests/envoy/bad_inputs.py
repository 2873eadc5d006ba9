"""Inputs that are wrong, each in its own way, and what egxds has to say about each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.envoy.certificates import Authority, Pair
from tests.envoy.manifests import gateway, https

Place = Callable[[Path], None]


@dataclass(frozen=True)
class BadInput:
    """One input.

    Attributes:
        name: of the file, without suffix.
        place: puts it at a path.
        line: where the report points to; 0 where the whole file is meant.
        says: words of the report.
        shown_name: of the file, without suffix, where people are shown another one.
    """

    name: str
    place: Place
    line: int
    says: str
    shown_name: str = ""

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.name}.yaml"

    @property
    def shown_file(self) -> str:
        """Name of the file as people are shown it."""
        return f"{self.shown_name or self.name}.yaml"


def _text(content: str) -> Place:
    return lambda path: _save(path, dedent(content).lstrip("\n").encode())


def _bytes(content: bytes) -> Place:
    return lambda path: _save(path, content)


def _save(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _route(name: str, rule: str, parent: str = "web") -> str:
    """An HTTPRoute whose rule is the ninth line and those that follow."""
    head = f"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata:
          name: {name}
        spec:
          parentRefs: [{{name: {parent}}}]
          hostnames: [{name}.bad.test]
          rules:
    """
    return dedent(head).lstrip("\n").rstrip() + "\n" + rule + "\n"


def _tls(name: str, secret: str, port: int) -> str:
    return gateway(name, https(port, f"{name}.bad.test", secret))


def bad_inputs(taken_port: int, ports: list[int]) -> list[BadInput]:
    """Return every input.

    Args:
        taken_port: where the good Gateway listens.
        ports: free ones, for Gateways that are wrong in other ways.
    """
    authority = Authority()
    good, other, expired = (authority.issue("x.test", days_left=days) for days in (30, 30, -1))
    backend = "backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: echo}]"
    secret = Pair(good.cert, other.key).secret("mismatched")
    return [
        BadInput("broken", _text("kind: HTTPRoute\nmetadata: {name: broken\nspec: 1\n"), 3, "not valid YAML"),
        BadInput("tab", _text("kind: HTTPRoute\nmetadata:\n\tname: tab\n"), 3, "indent with spaces"),
        BadInput("list", _text("- one\n- two\n"), 1, "mapping"),
        BadInput("no-kind", _text("apiVersion: v1\nmetadata: {name: none}\n"), 1, "kind"),
        BadInput("types", _text(_route("types", "    everything")), 8, "must be a list"),
        BadInput("unknown-kind", _text("apiVersion: v1\nkind: Sandwich\nmetadata: {name: blt}\n"), 1, "Sandwich"),
        BadInput(
            "twice-a-key",
            _text("kind: HTTPRoute\nmetadata: {name: a}\nkind: Gateway\n"),
            3,
            "stands here and on line 1",
        ),
        BadInput("aliases", _bytes(_alias_bomb()), 6, "alias"),
        BadInput("deep", _bytes(b"kind: HTTPRoute\nspec: " + b"[" * 50_000 + b"]" * 50_000), 2, "deep"),
        BadInput("binary", _bytes(b"kind: HTTPRoute\n\x7fELF\0\0\0"), 2, "NUL"),
        BadInput("latin-1", _bytes(b"kind: HTTPRoute\nmetadata: {name: caf\xe9}\n"), 2, "UTF-8"),
        BadInput("huge", _bytes(b"# " + b"x" * 64 * 1024 * 1024 + b"\n"), 0, "is larger than"),
        BadInput("dangling", lambda path: path.symlink_to("nowhere"), 0, "does not exist"),
        BadInput("circle", lambda path: path.symlink_to(path.name), 0, "leads back to itself"),
        BadInput("pipe", os.mkfifo, 0, "named pipe"),
        BadInput("disk", lambda path: path.symlink_to("/"), 0, "a directory that holds it"),
        BadInput("system", lambda path: path.symlink_to("/proc/self"), 0, "is of the system"),
        BadInput("\udcff\x1b[31m\n", _text("- one\n"), 1, "mapping", r"\xff\x1b[31m\n"),
        BadInput(
            "regex",
            _text(
                _route(
                    "regex", f"    - matches: [{{path: {{type: RegularExpression, value: '/(a'}}}}]\n      {backend}"
                )
            ),
            9,
            "RE2",
        ),
        BadInput("field", _text(_route("field", f"    - mathces: []\n      {backend}")), 9, "matches"),
        BadInput(
            "duration", _text(_route("duration", f"    - timeouts: {{request: ten}}\n      {backend}")), 9, "duration"
        ),
        BadInput("no-backend", _text(_route("no-backend", f"    - {backend.replace('echo', 'gone')}")), 9, "gone"),
        BadInput(
            "no-grant",
            _text(_route("no-grant", f"    - {backend.replace('echo', 'echo, namespace: elsewhere')}")),
            9,
            "ReferenceGrant",
        ),
        BadInput("no-parent", _text(_route("no-parent", f"    - {backend}", parent="gone")), 6, "gone"),
        BadInput("port", _text(gateway("port", {"name": "http", "port": 70000, "protocol": "HTTP"})), 5, "65535"),
        BadInput(
            "same-port",
            _text(gateway("zz-same-port", {"name": "http", "port": taken_port, "protocol": "HTTP"})),
            5,
            str(taken_port),
        ),
        BadInput("no-secret", _text(_tls("no-secret", "gone", ports[0])), 5, "gone"),
        BadInput("mismatched", _text(secret + _tls("mismatched", "mismatched", ports[1])), 5, "does not belong"),
        BadInput("expired", _text(expired.secret("expired") + _tls("expired", "expired", ports[2])), 1, "expired"),
        BadInput("garbage", _text(Pair("no", "no").secret("garbage") + _tls("garbage", "garbage", ports[3])), 5, "PEM"),
        BadInput("name", _text(_route("Not_A_Name", f"    - {backend}")), 4, "name"),
        BadInput("zz-again", _text(_route("good-0", f"    - {backend}")), 1, "is also defined at"),
    ]


def _alias_bomb() -> bytes:
    levels = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10))
    return f"kind: HTTPRoute\na0: &a0 [x, x, x, x, x, x, x, x, x]\n{levels}".encode()
