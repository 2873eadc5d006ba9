"""Why something could not be done with etcd, as those who go on from there tell it apart.

No message holds a value of a key, or a password.
"""

from __future__ import annotations

from egxds.errors import EgxdsError


class EtcdError(EgxdsError):
    """Base of them all."""


class UnavailableError(EtcdError):
    """No member could be asked, or none that takes part in a majority; nothing was applied."""


class TimedOutError(UnavailableError):
    """No member has answered within the time for one request; nothing was applied."""


class OutcomeUnknownError(EtcdError):
    """A transaction was sent and no answer came: it may have been applied, now or a moment from now."""


class UnauthenticatedError(EtcdError):
    """The user or the password is not right, or none is given and one is asked for."""


class PermissionDeniedError(EtcdError):
    """The user may not do this."""


class CompactedError(EtcdError):
    """What was asked for is older than what etcd keeps.

    Attributes:
        revision: the oldest that it still has; 0 where it did not say.
    """

    def __init__(self, revision: int) -> None:
        self.revision = revision
        super().__init__(f"etcd has forgotten what was before revision {revision}")


class NoSpaceError(EtcdError):
    """The quota of etcd is used up: it takes nothing but deletions until it is compacted, and its alarm disarmed."""


class RequestTooLargeError(EtcdError):
    """A transaction has more bytes, or more operations, than etcd takes."""


class ReplyTooLargeError(EtcdError):
    """A reply has more bytes than are taken in."""


class WrongClusterError(EtcdError):
    """A member belongs to another cluster than the one that is spoken to.

    Attributes:
        expected: id of the cluster.
        found: id of the member's.
    """

    def __init__(self, expected: int, found: int) -> None:
        self.expected = expected
        self.found = found
        super().__init__(f"this is etcd cluster {found:x}, and not {expected:x}")


class LeaseGoneError(EtcdError):
    """A lease that something was to be put with has ended."""


class RefusedError(EtcdError):
    """A member refuses what it was asked for, for another reason; the message says which."""
