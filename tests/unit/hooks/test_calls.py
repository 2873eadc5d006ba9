"""Hook calls and what can come of them."""

from __future__ import annotations

import pytest

from egxds.errors import FailureReason
from egxds.hooks.calls import HookFailure

CANARY = "c4n4ry"


@pytest.mark.parametrize(
    "text",
    [
        f'UNKNOWN: raised ValueError: cannot use request_headers_to_add {{ value: "{CANARY}" }}',
        f"INTERNAL: GET https://user:{CANARY}@example.com/: refused",
        f"invalid reply: Envoy would refuse it: regex: is not a regular expression in RE2 syntax: missing ): {CANARY}(",
        f"INTERNAL: got authorization Bearer {CANARY}-and-more",
        f"INTERNAL: https://example.com/?token={CANARY}",
    ],
)
def test_a_failure_does_not_quote(text: str) -> None:
    """The words are the extension's, or Envoy's library's, and may be about what is secret."""
    failure = HookFailure(FailureReason.STATUS, text)
    assert CANARY not in failure.message
    assert failure.message.startswith(text.partition(":")[0])
