"""An edit of what one policy asks of tokens costs what it covers, however many other policies do so at the Gateway.

Envoy has all of it in one resource; the parts of the others are joined, not written.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.app.test_work_follows_change_everywhere import GATEWAY, Case, Directory, route_app
from tests.unit.app.test_work_of_policies import on_route, secure

SIZES = (100, 1_000)


def tokens(name: str, target: dict[str, str], host: str = "issuer", **more: Any) -> str:
    """Write a policy that asks for tokens."""
    asked = {"name": "issuer", "remoteJWKS": {"uri": f"https://{host}.example.com/"}, **more}
    return secure(name, target, jwt={"providers": [asked]})


CASES = {
    "another audience": Case(
        lambda files: files.write("inner.yaml", tokens("inner", on_route(4), audiences=["a"])), {"extension": 1}
    ),
    "another server of keys": Case(
        lambda files: files.write("inner.yaml", tokens("inner", on_route(4), "other")), {"extension": 1, "cluster": 1}
    ),
    "a route with a policy of its own": Case(lambda files: files.edit_app(4, route_app(4, path="new")), {"route": 1}),
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size, in which one of ten routes asks for tokens, all of the same server."""
    base = tmp_path_factory.mktemp("houses")
    made = [Directory(base / str(size), size, is_one_file=False, gateway=GATEWAY) for size in SIZES]
    for files, size in zip(made, SIZES, strict=True):
        asking = [tokens(f"token-{number}", on_route(number)) for number in range(10, size, 10)]
        first = [
            files.write("many.yaml", "---\n".join(asking)),
            files.write("inner.yaml", tokens("inner", on_route(4))),
        ]
        files.house.edit(first)
        # What is made on first use is not part of what an edit costs.
        for number, audience in enumerate(("b", "c"), 6):
            files.house.edit([files.write("inner.yaml", tokens("inner", on_route(4), audiences=[audience]))])
            files.house.edit([files.write(f"{audience}.yaml", tokens(audience, on_route(number)))])
    return made


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_costs_the_same_at_any_size(directories: list[Directory], case: Case) -> None:
    """Room by room; and an Envoy is told what has changed, and not of a Listener."""
    results = [files.house.edit([case.edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [case.sent] * len(SIZES)
    assert lines[1:] == lines[:-1]
