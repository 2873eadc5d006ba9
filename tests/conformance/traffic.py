"""The steps that send something: a row each, by the names that the data has for them."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Mapping
from typing import Any

from tests.conformance import round_trip
from tests.conformance.clients import grpc, streams
from tests.conformance.clients.answers import Answer
from tests.conformance.clients.connect import Tls, connect
from tests.conformance.clients.http import HttpRequest, send
from tests.conformance.conditions import Json
from tests.conformance.data import Step
from tests.conformance.run import Run
from tests.conformance.waiting import UnknownStepError, WrongForGoodError, consistently, eventually

FAILURES = 5
"""So often in a row must a request fail that is to fail."""

_PROTOCOLS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "HTTP": ("HTTP/1.1", ()),
    "HTTPS": ("HTTP/1.1", ()),
    "H2C_PRIOR_KNOWLEDGE": ("HTTP/2", ()),
    "HTTP2": ("HTTP/2", ("h2",)),
}
"""The data's word → the version, and what is offered by ALPN."""

_SAID: tuple[str | bytes, ...] = ("conformance", bytes(range(8)))
"""Over a WebSocket."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def http(run: Run, step: Step) -> None:
    """Send a request until it has its answer some times in a row, or fails as it is to."""
    failure = step["expect"].get("failure")
    if failure is None:
        consistently(lambda: round_trip_once(run, step), _what(step))
        run.expect_mirrored(step)
    elif failure == "status":
        consistently(lambda: _fails_by_status(run, step), f"{_what(step)} fails", FAILURES)
    elif failure == "transport":
        consistently(lambda: _fails_by_transport(run, step), f"{_what(step)} gets no answer")
    else:
        raise UnknownStepError(f"the replay does not know how a request fails by {failure!r}")


def round_trip_once(run: Run, step: Step) -> Answer:
    """Send a request once, and compare its answer.

    Raises:
        AssertionError: it is another.
        OSError: there was none.
    """
    unique = str(uuid.uuid4())
    request = _with_uuid(step["request"], unique)
    expect = dict(step["expect"])
    if "backend_request" in expect:
        expect["backend_request"] = _with_uuid(expect["backend_request"], unique)
    answer = _sent(run, step, request)
    run.last_path = request["path"]
    shown = run.resolved(request["client_cert"]) if "client_cert" in request else None
    url = f"{request['scheme']}://{_authority(run, step)}{request['path']}"
    round_trip.compare(url, request, expect, answer, shown)
    return answer


def _sent(run: Run, step: Step, request: Json) -> Answer:
    protocol, offered = _PROTOCOLS[request["protocol"]]
    headers = dict(request.get("headers") or {})
    asked = request.get("backend_set_response_headers") or {}
    headers["X-Echo-Set-Header"] = ",".join(f"{name}:{value}" for name, value in asked.items())
    host = request.get("host") or _authority(run, step)
    message = HttpRequest(request["method"], host, request["path"], headers, request.get("body", "").encode())
    tls = tls_of(run, step, offered) if step["op"] == "https" else None
    return send(run.address(step["to"]["gateway"]), step["to"]["port"], message, protocol, tls)


def _with_uuid(request: Json, unique: str) -> dict[str, Any]:
    return {**request, "path": request["path"].replace("{uuid}", unique)}


def _authority(run: Run, step: Step) -> str:
    """Return the host of a request that names none: without the port where the scheme implies it."""
    address, port = run.address(step["to"]["gateway"]), step["to"]["port"]
    scheme = step.get("request", {}).get("scheme", "http")
    return address if _DEFAULT_PORTS[scheme] == port else f"{address}:{port}"


def tls_of(run: Run, step: Step, protocols: tuple[str, ...] = ()) -> Tls:
    """Say how the client of a step speaks TLS."""
    ca = run.resolved(step["ca"]) if "ca" in step else None
    pair = run.pair(step["client_cert"]) if "client_cert" in step else None
    return Tls(step["server_name"], ca, pair, protocols)


def _fails_by_status(run: Run, step: Step) -> None:
    answer = _sent(run, step, step["request"])
    if answer.status == 200:
        raise WrongForGoodError(f"{_what(step)}: got 200, and is to fail")
    assert answer.status not in round_trip.TIMEOUTS, f"got {answer.status}"


def _fails_by_transport(run: Run, step: Step) -> None:
    address = run.address(step["to"]["gateway"])
    try:
        answer = _sent(run, step, step["request"])
    except OSError:
        return
    raise AssertionError(f"got {answer.status} from {address}:{step['to']['port']}")


def _what(step: Step) -> str:
    request = step["request"]
    return f"{request['method']} {request.get('host', '')}{request['path']} to {_to(step)}"


def _to(step: Step) -> str:
    return f"{step['to']['gateway'].rpartition('/')[2]}:{step['to']['port']}"


def grpc_call(run: Run, step: Step) -> None:
    """Make a call until it has its answer some times in a row, or fails as it is to."""
    what = f"gRPC {step['method']} {step.get('authority', '')} to {_to(step)}"
    failure = step["expect"].get("failure")
    if failure is None:
        consistently(lambda: grpc_once(run, step), what)
        run.expect_mirrored(step)
    elif failure == "status":
        consistently(lambda: _call_fails(run, step), f"{what} fails", FAILURES)
    else:
        raise UnknownStepError(f"the replay does not know how a call fails by {failure!r}")


def grpc_once(run: Run, step: Step) -> str:
    """Make a call once, compare its answer, and return the pod.

    Raises:
        AssertionError: it is another.
        OSError: there was none.
    """
    expect, answer = step["expect"], _called(run, step)
    assert answer.code == expect["code"], f"wanted {expect['code']}, got {answer.code}"
    if answer.code != "OK":
        return ""
    round_trip.compare_headers(expect, answer.seen["headers"])
    pod = str(answer.seen["pod"])
    assert answer.seen["namespace"] == (expect["namespace"] or answer.seen["namespace"]), answer.seen
    assert pod.startswith(expect["backend"] or ""), f"wanted {expect['backend']}, got pod {pod}"
    return pod


def _called(run: Run, step: Step) -> grpc.GrpcAnswer:
    address, port = run.address(step["to"]["gateway"]), step["to"]["port"]
    authority = step.get("authority") or f"{address}:{port}"
    return grpc.call(address, port, step["method"], authority, step.get("metadata") or {})


def _call_fails(run: Run, step: Step) -> None:
    """A call that has no route fails too, and is not what is looked for."""
    code = _called(run, step).code
    assert code == "Unavailable", f"wanted Unavailable, got {code}"


def tcp(run: Run, step: Step) -> None:
    """Speak with a TCP backend until it is the right one."""
    eventually(lambda: _tcp_once(run, step), f"TCP to {_to(step)}")


def _tcp_once(run: Run, step: Step) -> None:
    expect = step["expect"]
    tls = tls_of(run, step) if step["tls"] else None
    seen = streams.tcp_dialogue(run.address(step["to"]["gateway"]), step["to"]["port"], tls)
    assert seen["says_tls"] == expect.get("backend_is_tls", False), f"the backend says IS_TLS {seen['says_tls']}"
    assert seen["namespace"] == expect["namespace"], f"wanted {expect['namespace']}, got {seen['namespace']}"
    assert seen["pod"].startswith(f"{expect['backend']}-"), f"wanted {expect['backend']}, got pod {seen['pod']}"
    for field, name in (("hostname", "serverName"), ("tls_protocol", "negotiatedProtocol")):
        if expect.get(field):
            found = seen.get("tls", {}).get(name)
            assert found == expect[field], f"wanted {name} {expect[field]!r}, got {found!r}"


def tcp_pod(run: Run, step: Step) -> str:
    """Return the pod that answers on one connection."""
    return str(streams.tcp_dialogue(run.address(step["to"]["gateway"]), step["to"]["port"], None)["pod"])


def tcp_echo(run: Run, step: Step) -> None:
    """Have any TCP backend answer."""
    eventually(lambda: tcp_pod(run, step), f"TCP to {_to(step)}")


def udp_pod(run: Run, step: Step) -> str:
    """Return the pod that answers one datagram."""
    return str(streams.udp_echo(run.address(step["to"]["gateway"]), step["to"]["port"])["pod"])


def udp_echo(run: Run, step: Step) -> None:
    """Have a UDP backend answer, the right one where one is wanted."""

    def answers() -> None:
        seen = streams.udp_echo(run.address(step["to"]["gateway"]), step["to"]["port"])
        for name, value in step.get("expect", {}).items():
            assert seen[name] == value, f"wanted {name} {value}, got {seen[name]}"

    eventually(answers, f"UDP to {_to(step)}")


def dns(run: Run, step: Step) -> None:
    """Have a DNS server answer; what it answers does not matter."""
    name, _ = step["question"]
    address, port = run.address(step["to"]["gateway"]), step["to"]["port"]
    eventually(lambda: streams.dns(address, port, name), f"DNS to {_to(step)}")


def websocket(run: Run, step: Step) -> None:
    """Send a text and bytes over a WebSocket, and get them back."""
    address, port = run.address(step["to"]["gateway"]), step["to"]["port"]
    host, path = step.get("host") or _authority(run, step), step.get("path", "/ws")

    def echoes() -> None:
        back = streams.websocket_echo(address, port, host, path, _SAID)
        assert back == _SAID, f"got {back!r} back"

    consistently(echoes, f"WebSocket to {_to(step)}")


def tls_rejected(run: Run, step: Step) -> None:
    """Have a TLS connection ended by the other side."""
    address, port = run.address(step["to"]["gateway"]), step["to"]["port"]

    def rejected() -> None:
        try:
            with connect(address, port, Tls(step["server_name"])):
                pass
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return
        raise AssertionError("the connection was accepted")

    eventually(rejected, f"TLS for {step['server_name']} to {_to(step)} is ended")
