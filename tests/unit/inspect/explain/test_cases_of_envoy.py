"""The explanation says what a real Envoy does: every case of `envoy_cases`, which one answers (`test_on_envoy`)."""

from __future__ import annotations

import pytest

from egxds.inspect.explain.answers import Answer, Taking
from egxds.inspect.explain.explain import explain
from egxds.inspect.explain.question import Question, ask
from egxds.snapshot.unhooked import unhooked_snapshot
from tests.unit.translate import envoy_cases
from tests.unit.translate.asking import Case
from tests.unit.translate.reading import translate

PORTS = {"one": 8001, "two": 8002}
SNAPSHOTS = {"default/eg": unhooked_snapshot(translate(envoy_cases.behaviour(PORTS)))}
NOT_TOLD = 503
"""Of a backend that is there and refuses connections only an Envoy knows."""


def question(case: Case) -> Question:
    """Ask what a case asks."""
    headers = [f"Host: {case.host}", *(f"{name}: {value}" for name, value in case.headers.items())]
    return ask(f"http://127.0.0.1:{case.port}{case.path}", headers, case.method)


def only(answers: list[Answer]) -> Taking:
    """Return what takes it, whatever happens."""
    (answer,) = answers
    return answer.takings[-1]


def backends(taking: Taking) -> set[str]:
    """Return the names of the backends that it may go to."""
    by_address = {f"127.0.0.1:{port}": name for name, port in PORTS.items()}
    shown = {each for backend in taking.backends for each in backend.endpoints}
    return {by_address.get(each, each) for each in shown}


@pytest.mark.parametrize("case", envoy_cases.CASES, ids=lambda case: f"{case.rule}: {case.path}")
def test_it_says_what_envoy_does(case: Case) -> None:
    """Status, backend, what the backend sees of path and host, and where a redirect leads."""
    taking = only(explain(question(case), SNAPSHOTS))
    if case.backend:
        assert backends(taking) == {case.backend}, taking
        assert taking.status is None
    elif taking.status is None:
        assert case.status == NOT_TOLD
    else:
        assert taking.status == case.status, taking
    seen = {"path": taking.path, "host": taking.host}
    assert {name: seen[name] for name in case.sees if name in seen} == {n: v for n, v in case.sees.items() if n in seen}
    if case.answers.get("location"):
        assert taking.location == case.answers["location"]
