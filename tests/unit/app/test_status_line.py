"""The line that `systemctl status` shows."""

from __future__ import annotations

import pytest

from egxds.app.loads import LoadResult
from egxds.app.status_line import Standing, serving_line, starting_line, stopping_line
from egxds.hooks.policy.outcome import Outcome
from egxds.problems import Severity

ONE = {Outcome.ACCEPTED: 1}
TOO_LARGE = "the last change of the files needs more memory than is allowed, and is not served"


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (Standing(gateways={Outcome.ACCEPTED: 3}, envoys=2), "serving 3 Gateways to 2 Envoys"),
        (Standing(gateways=ONE, envoys=1, load=LoadResult.ACCEPTED), "serving 1 Gateway to 1 Envoy"),
        (
            Standing(notes=("no Gateway of ours is defined: there is nothing to serve",)),
            "serving 0 Gateways to 0 Envoys; no Gateway of ours is defined: there is nothing to serve",
        ),
        (
            Standing(gateways=ONE, problems={Severity.ERROR: 2, Severity.WARNING: 1}),
            "serving 1 Gateway to 0 Envoys; 2 errors, 1 warning in the files",
        ),
        (
            Standing(gateways={Outcome.ACCEPTED: 1, Outcome.DENIED: 2}, failing=("authz Route",)),
            "serving 3 Gateways to 0 Envoys; hook authz Route fails: 2 Gateways denied",
        ),
        (
            Standing(gateways={Outcome.HELD: 1}, failing=("a Route", "b Route", "c Route", "d Route")),
            "serving 1 Gateway to 0 Envoys; hooks a Route, b Route, c Route and 1 more fail: 1 Gateway held",
        ),
        (Standing(gateways=ONE, refused=2), "serving 1 Gateway to 0 Envoys; Envoys refuse 2 resources"),
        (
            Standing(gateways=ONE, load=LoadResult.TOO_LARGE),
            f"serving 1 Gateway to 0 Envoys; {TOO_LARGE}",
        ),
    ],
)
def test_what_is_served_and_what_is_wrong(now: Standing, line: str) -> None:
    """One line says what is served, to how many, and what a person had better look at."""
    assert serving_line(now) == line


@pytest.mark.parametrize(
    ("work", "awaited", "line"),
    [
        ("reading files", (), "reading files"),
        ("reading files", ("authz",), "waiting for extension authz"),
        ("", ("authz", "waf"), "waiting for extension authz, waf"),
        ("", (), "the configuration has not been loaded yet"),
    ],
)
def test_what_a_start_is_at(work: str, awaited: tuple[str, ...], line: str) -> None:
    """While it starts, a daemon says what it is at, and whom it waits for."""
    assert starting_line(work, awaited, ("the configuration has not been loaded yet",)) == line


def test_what_is_left_at_the_end() -> None:
    """At the end it says whom it takes leave of."""
    assert stopping_line(1) == "stopping: taking leave of 1 Envoy"
