"""What people are told about a failed hook."""

from __future__ import annotations

import pytest

from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall
from egxds.hooks.policy.outcome import HookProblem
from egxds.settings.extensions import Hook


@pytest.mark.parametrize(
    ("manager", "text"),
    [
        ("authz", "Route hook of extension authz on r: INTERNAL: broken"),
        ("", "Route hook of the extension on r: INTERNAL: broken"),
    ],
)
def test_a_problem_says_which_hook_of_whom_failed_on_what(manager: str, text: str) -> None:
    """One line, enough to know where to look."""
    problem = HookProblem(HookCall(manager, Hook.ROUTE, "r", b""), FailureReason.STATUS, "INTERNAL: broken", "deny")
    assert str(problem) == text
