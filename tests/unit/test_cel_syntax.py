"""Expressions that are taken, and that are not; `tests/envoy/test_expressions.py` has a real Envoy say the same."""

from __future__ import annotations

import pytest

from egxds.cel_syntax import check_expression
from tests.envoy.odd_expressions import REFUSED, TAKEN


@pytest.mark.parametrize("text", TAKEN)
def test_what_envoy_takes_is_taken(text: str) -> None:
    """As it is written."""
    assert check_expression(text) == text


@pytest.mark.parametrize("text", REFUSED)
def test_what_envoy_refuses_is_refused(text: str) -> None:
    """It would cost the whole Listener there."""
    with pytest.raises(ValueError, match=r"CEL|RE2"):
        check_expression(text)


def test_what_is_long_is_refused_at_once() -> None:
    """Nobody writes such a thing by hand."""
    with pytest.raises(ValueError, match="longer than"):
        check_expression("a || " * 1000 + "a")
