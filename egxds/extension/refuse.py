"""How a hook says no on purpose. Pure; for users."""

from __future__ import annotations


class Refuse(Exception):  # noqa: N818 nothing went wrong
    """Raised by a hook that does not want a resource as it is: it is denied, with these words, until an input changes.

    Over gRPC it is the status FAILED_PRECONDITION.
    """
