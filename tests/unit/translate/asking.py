"""Requests to an Envoy, and what is to come of them."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

_LIMIT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """One answer: `seen` is what the backend saw, empty where none was asked."""

    status: int
    headers: dict[str, str]
    seen: dict[str, Any]

    @property
    def backend(self) -> str:
        """Name of the backend that answered; empty where none did."""
        name: str = self.seen.get("backend", "")
        return name


@dataclass(frozen=True)
class Case:
    """One request and what is to come of it.

    Attributes:
        rule: what it shows.
        path: path and query asked for.
        status: of the answer.
        backend: name of the backend that answers; empty where none may.
        port: of the listener, as its Gateway has it.
        sees: what the backend is to see: `path`, `host` or a header by name; None for one that is gone.
        answers: headers of the answer; None for one that is not to be there.
    """

    rule: str
    path: str
    status: int = 200
    backend: str = ""
    host: str = "app.example"
    method: str = "GET"
    port: int = 80
    headers: dict[str, str] = field(default_factory=dict)
    sees: dict[str, str | None] = field(default_factory=dict)
    answers: dict[str, str | None] = field(default_factory=dict)


def ask(case: Case, port: int, address: str = "127.0.0.1") -> Answer:
    """Send the request of a case to a port of a loopback address."""
    connection = http.client.HTTPConnection(address, port, timeout=_LIMIT_S)
    try:
        connection.request(case.method, case.path, headers={"Host": case.host, **case.headers})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        body = response.read()
        is_echo = headers.get("content-type") == "application/json"
        return Answer(response.status, headers, json.loads(body) if is_echo else {})
    finally:
        connection.close()


def check(case: Case, answer: Answer) -> None:
    """Compare an answer with what is to come of a case."""
    assert (answer.status, answer.backend) == (case.status, case.backend), answer
    seen = {**answer.seen.get("headers", {}), "path": answer.seen.get("path"), "host": answer.seen.get("host")}
    assert {name: seen.get(name) for name in case.sees} == case.sees
    assert {name: answer.headers.get(name) for name in case.answers} == case.answers
