"""What is left of an Envoy's refusal: where and why, and nothing that it quotes. The texts are Envoy 1.40's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.resources.refusal_text import MAX_CHARACTERS, without_quotes

CANARY = "c4n4ry"
LISTENER = "Error adding/updating listener(s) shop/web/https: "
REASON = "Proto constraint validation failed (VirtualHostValidationError.Name: value length must be at least 1)"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f'goo.gle/debugproto  \nvirtual_hosts {{ value: "{CANARY}"\n}}\n: {REASON}', REASON),
        (f'goo.gle/debugstr value: "{CANARY}" : {REASON}', REASON),
        (f'goo.gle/debugproto  \nvalue: "{CANARY}', ""),
        (f"""script load error: [string "f({CANARY})"]:7: '=' expected near '{CANARY}'""", "line 7 of the script"),
        (f"""script load error: [string "error('{CANARY}')..."]:1: {CANARY}""", "line 1 of the script"),
        (f"missing ): {CANARY}(", "missing ): "),
        (f"invalid escape sequence: \\{CANARY}", "invalid escape sequence: "),
        (f"Incorrect configuration: %{CANARY}. Couldn't find valid command at position 0", "Incorrect configuration"),
        (f"Duplicated credential key: '{CANARY}'", "Duplicated credential key"),
        (f"Provider 'p' has an invalid URI: 'https://u:{CANARY}@ x'", "Provider 'p' has an invalid URI"),
        (f"cannot reach https://u:{CANARY}@example.com/", "@example.com/"),
        (
            f"Protobuf message (type a.B reason INVALID_ARGUMENT: invalid  JSON in a.B @ users: near 1:9 {CANARY})",
            "Protobuf message (type a.B reason INVALID_ARGUMENT",
        ),
        (f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY----- is odd", "is odd"),
        (f"-----BEGIN PRIVATE KEY-----\n{CANARY}", ""),
        (f'unknown: inline_string: "a \\" {CANARY}" (seen)', "(seen)"),
        (f'unknown: {{"password":"{CANARY}"}} (seen)', "(seen)"),
    ],
    ids=str,
)
def test_what_is_quoted_is_cut_out(text: str, kept: str) -> None:
    """The name of the resource in front is what finds who is refused."""
    shown = without_quotes(LISTENER + text)
    assert CANARY not in shown
    assert shown.startswith(LISTENER)
    assert kept in shown


@pytest.mark.parametrize(
    "text",
    [
        LISTENER + "cannot bind '0.0.0.0:443': Address already in use",
        "Error adding/updating cluster(s) httproute/shop/cart/rule/0: unknown cluster 'x'",
        "Failed to load certificate chain from <inline>",
        "basic auth: unsupported htpasswd format: please use {SHA}",
        REASON,
    ],
)
def test_what_quotes_nothing_stays(text: str) -> None:
    """It is what people look for."""
    assert without_quotes(text) == text


def test_a_second_resource_behind_a_dump_is_still_named() -> None:
    """One response may hold many that are refused."""
    text = (
        f'{LISTENER}goo.gle/debugproto\nvalue: "{CANARY}"\n: {REASON}\nshop/web/other: goo.gle/debugproto x: {REASON}'
    )
    assert "shop/web/other" in without_quotes(text)


@pytest.mark.parametrize(
    "piece",
    [
        "goo.gle/debug",
        '[string "',
        "?token",
        "://",
        "Bearer ",
        '"a: "',
        "-----BEGIN ",
        "near '",
        "?&#",
        "a: ",
        "_",
        "\\",
    ],
)
def test_a_stranger_cannot_make_it_slow(piece: str) -> None:
    """What comes from a stranger is cut, and each look at it is linear."""
    shown = without_quotes(piece * (8 * MAX_CHARACTERS // len(piece)))
    assert len(shown) < 8 * MAX_CHARACTERS


@given(st.text(max_size=200))
def test_any_text_comes_out_again(text: str) -> None:
    """Nobody knows what an Envoy will say."""
    assert without_quotes(without_quotes(text)) is not None
