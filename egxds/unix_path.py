"""The paths of Unix sockets that the kernel, and so Envoy, takes. Cellar, pure."""

from __future__ import annotations

_MAX_BYTES = 107
"""The kernel has 108, the last of which is a NUL; Envoy refuses a longer one, and all endpoints beside it."""


def check_unix_path(value: str) -> str:
    """Accept the path of a socket.

    Raises:
        ValueError: it is longer than the kernel takes, or has a NUL in it.
    """
    if len(value.encode()) > _MAX_BYTES:
        raise ValueError(f"is longer than the {_MAX_BYTES} bytes that the path of a socket may have")
    if "\0" in value:
        raise ValueError("holds a NUL character, which no path may")
    return value
