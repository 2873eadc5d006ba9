"""Tests in the words of this project, for what the data of the suite does not hold: `own/*.yaml`.

They need no folder beside the project. Each file is a test. Its first document is the test as `cases.json` has it, with
what most of its steps say left out; the others are the objects that the test makes. `base.yaml` holds what all share.

Left out is, in a step that sends something, where it goes to (port 80 of the Gateway `plain`), how (GET by HTTP/1.1, or
`Echo`), and of the answer the status 200, or `OK`, and the namespace of the backend that it names. Objects are in the
namespace `own`, which is left out in steps too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.conformance.data import ConformanceTest, Step, Suite, documents

FOLDER = Path(__file__).with_name("own")
NAMESPACE = "own"

_PORT = {"gateway": "plain", "port": 80}
_SENDS = ("http", "https", "grpc", "tcp", "tcp_echo", "udp_echo", "websocket", "tls_rejected")
_NAMES = ("gateway", "listenerset", "route", "policy", "object", "parent")
"""What names an object in a step."""


def read_own() -> Suite:
    """Read the tests of this folder."""
    base = FOLDER / "base.yaml"
    return Suite((base,), tuple(_read(file) for file in sorted(FOLDER.glob("*.yaml")) if file != base))


def _read(file: Path) -> ConformanceTest:
    head, *made = documents(file)
    steps = tuple(_written_out(step) for step in head["steps"])
    kinds = tuple({manifest["kind"]: None for manifest in made})
    return ConformanceTest(file.stem, tuple(head["features"]), kinds, (file,), steps, head.get("released", True))


def _written_out(step: Step) -> Step:
    """Say what a step leaves out."""
    op = step["op"]
    named = {name: _whole_name(step[name]) for name in _NAMES if isinstance(step.get(name), str)}
    whole: dict[str, Any] = {**step, **named}
    if "routes" in step:
        whole["routes"] = [_whole_name(route) for route in step["routes"]]
    if op in _SENDS:
        to = {**_PORT, **step.get("to", {})}
        whole["to"] = {**to, "gateway": _whole_name(to["gateway"])}
        whole |= _EXCHANGES.get(op, _as_it_is)(step)
    return whole


def _whole_name(name: str) -> str:
    """Return a name with its namespace, and with its kind where that stands before it."""
    kind, colon, path = name.rpartition(":")
    return f"{kind}{colon}{path if '/' in path else f'{NAMESPACE}/{path}'}"


def _as_it_is(_step: Step) -> Step:
    return {}


def _http(step: Step) -> Step:
    scheme = step["op"]
    request = {"method": "GET", "protocol": scheme.upper(), "scheme": scheme, **step["request"]}
    return {"request": request, "expect": _answer(step, {"status_codes": [200]})}


def _grpc(step: Step) -> Step:
    return {"method": step.get("method", "Echo"), "expect": _answer(step, {"code": "OK"})}


def _tcp(step: Step) -> Step:
    return {"tls": step.get("tls", False), "expect": _answer(step, {})}


def _answer(step: Step, usual: Mapping[str, Any]) -> Mapping[str, Any]:
    expect = step.get("expect", {})
    where = {"namespace": NAMESPACE if "backend" in expect else ""}
    return {**usual, "backend": "", **where, **expect}


_EXCHANGES: Mapping[str, Callable[[Step], Step]] = {"http": _http, "https": _http, "grpc": _grpc, "tcp": _tcp}
