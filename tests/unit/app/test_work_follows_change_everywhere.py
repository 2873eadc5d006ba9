"""An edit costs what it changes, from the file to the Envoy: as many lines of Python run in each room at any size.

What the interpreter does over everything for an edit is copies of mappings, tuples and sorted lists, the join of a
RouteConfiguration's bytes and their hash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.app.house import House
from tests.unit.model.keys import certificate_pem, key_pem, new_key
from tests.unit.model.texts import secret

SIZES = (100, 1_000, 10_000)

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: https, port: 443, protocol: HTTPS, hostname: tls.test, tls: {certificateRefs: [{name: cert}]}}
"""
APP = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r{number}}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [{host}.test]
  rules: [{{matches: [{{path: {{value: {path}}}}}], backendRefs: [{{name: s{number}, port: 80}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: s{number}}}
spec: {{ports: [{{port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: s{number}, labels: {{kubernetes.io/service-name: s{number}}}}}
addressType: IPv4
endpoints: [{{addresses: [{address}]}}]
ports: [{{port: 80}}]
"""
LONELY = "{{apiVersion: v1, kind: Service, metadata: {{name: lonely}}, spec: {{ports: [{{port: {port}}}]}}}}"
_OTHER_KEY = new_key()
OTHER_SECRET = secret(certificate=certificate_pem(_OTHER_KEY), key=key_pem(_OTHER_KEY))


class Directory:
    """The files of a house of some size: each app in a file of its own, or all of them in one."""

    def __init__(
        self, path: Path, size: int, *, is_one_file: bool, gateway: str = GATEWAY, app: Callable[..., str] | None = None
    ) -> None:
        app = app or route_app
        path.mkdir()
        self._path = path
        self._is_one_file = is_one_file
        self.size = size
        self._apps = [app(number) for number in range(size)]
        (path / "gateway.yaml").write_text(gateway)
        self.write("secret.yaml", secret())
        self.write("lonely.yaml", LONELY.format(port=80))
        if is_one_file:
            self._write_all()
        else:
            for number, text in enumerate(self._apps):
                self.write(f"{number}.yaml", text)
        self.house = House(path)
        # What is made on first use is not part of what an edit costs.
        for path_value in ("warm", "warmer"):
            self.house.edit([self.edit_app(1, app(1, path=path_value))])

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self._path / name
        path.write_text(text)
        return path

    def edit_app(self, number: int, text: str) -> Path:
        """Write one app anew; an empty text takes it away."""
        if not self._is_one_file:
            if text:
                return self.write(f"{number}.yaml", text)
            (self._path / f"{number}.yaml").unlink()
            return self._path / f"{number}.yaml"
        if number == len(self._apps):
            self._apps.append("")
        self._apps[number] = text
        return self._write_all()

    def comment(self) -> Path:
        """Put a line at the top of a file, above everything in it."""
        path = self._path / ("all.yaml" if self._is_one_file else "7.yaml")
        path.write_text("# a comment\n" + path.read_text())
        return path

    def touch(self) -> Path:
        """Touch a file, and change nothing."""
        path = self._path / ("all.yaml" if self._is_one_file else "7.yaml")
        path.touch()
        return path

    def _write_all(self) -> Path:
        return self.write("all.yaml", "---\n".join(text for text in self._apps if text))


def route_app(number: int, host: str = "", path: str = "/", address: str = "10.0.0.1") -> str:
    """Write a route, its Service and its endpoints."""
    return APP.format(number=number, host=host or f"h{number}", path=f"/{path.strip('/')}", address=address)


@dataclass(frozen=True)
class Case:
    """An edit, and how many names of which types an Envoy is told about."""

    edit: Callable[[Directory], Path]
    sent: dict[str, int]


CASES = {
    "a route": Case(lambda files: files.edit_app(2, route_app(2, path="new")), {"route": 1}),
    "a hostname": Case(lambda files: files.edit_app(3, route_app(3, host="elsewhere")), {"route": 1}),
    "an endpoint": Case(lambda files: files.edit_app(4, route_app(4, address="10.0.0.9")), {"endpoint": 1}),
    "a certificate": Case(lambda files: files.write("secret.yaml", OTHER_SECRET), {"secret": 1}),
    "an object that nothing refers to": Case(lambda files: files.write("lonely.yaml", LONELY.format(port=81)), {}),
    "a comment at the top": Case(Directory.comment, {}),
    "a touch": Case(Directory.touch, {}),
    "a deletion": Case(lambda files: files.edit_app(9, ""), {"route": 1, "cluster": 1}),
}


@pytest.fixture(scope="module", params=[False, True], ids=["files of their own", "one file"])
def directories(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size; every case edits another object in them."""
    base = tmp_path_factory.mktemp("houses")
    return [Directory(base / str(size), size, is_one_file=request.param) for size in SIZES]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_costs_the_same_at_any_size(directories: list[Directory], case: Case) -> None:
    """Room by room; and an Envoy is told about what changed and nothing else."""
    results = [files.house.edit([case.edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [case.sent] * len(SIZES)
    assert lines[1:] == lines[:-1]
