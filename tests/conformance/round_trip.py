"""A request and its answer, compared as the suite compares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

from tests.conformance.clients.answers import Answer

TIMEOUTS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT)
"""Either will do where the other is expected."""

_ECHOED = (HTTPStatus.OK, HTTPStatus.NO_CONTENT)
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": ("80", ""), "https": ("443", "")}

Json = Mapping[str, Any]


def compare(url: str, request: Json, expect: Json, answer: Answer, client_cert: str | None) -> None:
    """Fail with what is otherwise than expected.

    Args:
        url: that was asked for, its host being the Gateway's address.
        request: as the data has it.
        expect: as the data has it.
        answer: what came.
        client_cert: PEM that the backend must have been shown.

    Raises:
        AssertionError: something is.
    """
    wanted = expect["status_codes"]
    if answer.status in TIMEOUTS and any(code in TIMEOUTS for code in wanted):
        return
    said = answer.body[:200].decode(errors="replace")
    assert answer.status in wanted, f"wanted status {wanted}, got {answer.status}: {said}"
    if answer.status in _ECHOED:
        _compare_echo(request, expect, answer, client_cert)
        _compare_response(expect, answer)
    elif answer.status in _REDIRECTS and "redirect" in expect:
        _compare_redirect(url, expect["redirect"], answer.headers.get("location", ""))


def _compare_echo(request: Json, expect: Json, answer: Answer, client_cert: str | None) -> None:
    """Compare what reached the backend; an answer without an echo counts as one to the method that was asked for."""
    wanted = expect.get("backend_request", request)
    seen = answer.echo
    method = seen.get("method", request["method"])
    _same("path", wanted["path"], seen.get("path", ""))
    _same("method", wanted["method"], method)
    _same("namespace", expect.get("namespace") or "", seen.get("namespace", ""))
    if wanted.get("host"):
        _same("host", wanted["host"], seen.get("host", ""))
    compare_headers(wanted, seen.get("headers", {}))
    if wanted.get("http_port"):
        _same("httpPort", wanted["http_port"], seen.get("httpPort"))
    pod = seen.get("pod", "")
    assert pod.startswith(expect.get("backend") or ""), f"wanted backend {expect['backend']}, got pod {pod!r}"
    if wanted.get("sni"):
        _same("SNI at the backend", wanted["sni"], seen.get("tls", {}).get("serverName"))
    if client_cert is not None:
        shown = [each.strip() for each in seen.get("tls", {}).get("peerCertificates", [])]
        assert client_cert.strip() in shown, f"the backend was shown {len(shown)} certificates, not the one wanted"


def compare_headers(wanted: Json, seen: Mapping[str, Sequence[str]]) -> None:
    """Fail where headers that reached a backend are others than wanted.

    Args:
        wanted: `headers` that must be there, and `absent_headers` that must not.
        seen: name → its values.

    Raises:
        AssertionError: they are.
    """
    headers = {name.lower(): ",".join(values) for name, values in seen.items()}
    for name, value in (wanted.get("headers") or {}).items():
        _same(f"request header {name}", value, headers.get(name.lower()))
    _absent("request", wanted.get("absent_headers", ()), headers)


def _compare_response(expect: Json, answer: Answer) -> None:
    plain = _without_spaces if expect.get("response_ignore_whitespace") else str
    for name, value in (expect.get("response_headers") or {}).items():
        _same(f"response header {name}", plain(value), plain(answer.headers.get(name.lower(), "absent")))
    for name, values in (expect.get("response_valid_header_values") or {}).items():
        seen = plain(answer.headers.get(name.lower(), "absent"))
        assert seen in map(plain, values), f"response header {name} is {seen!r}, wanted one of {values}"
    _absent("response", expect.get("response_absent_headers") or (), answer.headers)


def _compare_redirect(url: str, wanted: Json, location: str) -> None:
    asked, target = urlsplit(url), urlsplit(urljoin(url, location))
    scheme = wanted.get("scheme") or asked.scheme
    port = str(target.port or "")
    _same("scheme of the redirect", scheme, target.scheme)
    _same("path of the redirect", wanted.get("path") or asked.path, target.path)
    if wanted.get("host"):
        _same("host of the redirect", wanted["host"], target.hostname)
    if wanted.get("port"):
        _same("port of the redirect", wanted["port"], port)
    else:
        assert port in _PORTS.get(target.scheme, (port,)), f"the redirect {location} names port {port}"


def _absent(where: str, names: Any, headers: Mapping[str, str]) -> None:
    for name in names:
        seen = headers.get(name.lower())
        assert seen is None, f"{where} header {name} is {seen!r}, wanted none"


def _same(what: str, wanted: object, seen: object) -> None:
    assert wanted == seen, f"{what}: wanted {wanted!r}, got {seen!r}"


def _without_spaces(text: str) -> str:
    return "".join(text.split())
