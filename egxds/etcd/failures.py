"""What etcd says when it does not do something, as errors.

etcd's gRPC statuses are coarse: what it means is in the text (api/v3rpc/rpctypes of etcd).
What is refused was not applied. Of everything else nobody knows, but for what etcd says before it begins.
"""

from __future__ import annotations

from collections.abc import Callable

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.etcd.errors import (
    CompactedError,
    EtcdError,
    LeaseGoneError,
    NoSpaceError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RefusedError,
    RequestTooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

_REFUSING = frozenset(
    {
        Status.INVALID_ARGUMENT,
        Status.NOT_FOUND,
        Status.ALREADY_EXISTS,
        Status.PERMISSION_DENIED,
        Status.FAILED_PRECONDITION,
        Status.OUT_OF_RANGE,
        Status.UNIMPLEMENTED,
        Status.UNAUTHENTICATED,
        Status.RESOURCE_EXHAUSTED,
    }
)


class TokenRefusedError(UnauthenticatedError):
    """The token is not known any more: its time is over, its member was started again, or the password is another one.

    Or there was none, since nobody needed one when it was asked for.
    """


class PassingError(UnavailableError):
    """A member does not do it for now, or its connection broke; nothing was applied, and it is worth another try."""


_SAID: tuple[tuple[str, Callable[[str], EtcdError]], ...] = (
    ("request is too large", RequestTooLargeError),
    ("too many operations", RequestTooLargeError),
    ("larger than max", RequestTooLargeError),
    ("database space exceeded", NoSpaceError),
    ("has been compacted", lambda _: CompactedError(0)),
    ("lease not found", LeaseGoneError),
    ("invalid auth token", TokenRefusedError),
    ("revision of auth store is old", TokenRefusedError),
    ("authentication failed", UnauthenticatedError),
    ("user name is empty", TokenRefusedError),
    ("permission denied", PermissionDeniedError),
    ("no leader", PassingError),
    ("not capable", PassingError),
    ("too many requests", PassingError),
    ("not supported for learner", PassingError),
)
"""Part of a text → what it means."""

NO_AUTHENTICATION = "authentication is not enabled"
"""What etcd says to whoever shows it a password that it does not want."""


def meaning_of(said: str) -> EtcdError | None:
    """Return what a text of etcd means; None where it is none of those that are told apart."""
    return next((make(said) for part, make in _SAID if part in said), None)


def failure(err: GRPCError, where: str) -> EtcdError:
    """Return what a status means; an OutcomeUnknownError where it may have been done all the same.

    Args:
        err: the status.
        where: the member that answered it.
    """
    said = f"{where}: {(err.message or err.status.name).removeprefix('etcdserver: ')}"
    meant = meaning_of(said)
    if meant is not None:
        return meant
    return RefusedError(said) if err.status in _REFUSING else OutcomeUnknownError(said)
