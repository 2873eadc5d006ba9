"""One hook call and what can come of it, free of any connection. Pure.

Calls are made by the stages (`egxds.hooks.plan`), carried by a client, and checked by `egxds.hooks.replies.check`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from betterproto2 import Message

from egxds.errors import FailureReason
from egxds.resources.refusal_text import without_quotes
from egxds.settings.extensions import Hook

_UNAVAILABLE = "UNAVAILABLE"
REFUSING_STATUSES = frozenset({"FAILED_PRECONDITION", "PERMISSION_DENIED"})
"""gRPC statuses with which an extension refuses an object on purpose."""

CallKey = tuple[str, Hook, bytes]
"""(manager, hook, SHA-256 of the request and of `belongs_to`): calls with one key get one answer."""

Unit = tuple[str, str]
"""What is translated, and changes, as one: (RouteConfiguration, virtual host), or (type URL, resource name)."""

THE_WHOLE: Unit = ("", "")
"""What a Translation call is about."""


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of one extension.

    Attributes:
        manager: name of the extension manager.
        hook: which hook.
        subject: name of the resource it is about; the Gateway's for the Translation hook.
        request: the encoded request message.
        included: type URLs that the reply to a Translation call replaces.
        may_remove_all: whether the reply to a Translation call may be empty.
        unit: what the resource is, or is part of.
        belongs_to: what the objects say that the resource belongs to and the request does not carry, such as a custom
            backend in an Endpoints call. An extension may know them from elsewhere, so it is asked again for them.
    """

    manager: str
    hook: Hook
    subject: str
    request: bytes = field(repr=False)
    included: tuple[str, ...] = ()
    may_remove_all: bool = False
    unit: Unit = THE_WHOLE
    belongs_to: bytes = field(default=b"", repr=False)
    _digest: list[bytes] = field(default_factory=list, init=False, repr=False, compare=False)

    def key(self) -> CallKey:
        """Return what an identical call has too."""
        # Several ask, and the request of a Translation call may have megabytes.
        if not self._digest:
            digest = hashlib.sha256(self.request)
            digest.update(self.belongs_to)
            self._digest.append(digest.digest())
        return self.manager, self.hook, self._digest[0]


@dataclass(frozen=True, slots=True)
class HookReply:
    """What came back from a call, well formed and not yet checked for what it asks for.

    Attributes:
        message: the response message of the call's hook (`egxds.generated.envoygateway.extension`).
        size_bytes: how large it was.
    """

    message: Message = field(repr=False)
    size_bytes: int


@dataclass(frozen=True, slots=True)
class HookFailure:
    """A call that failed, after its retries and within its deadline.

    Attributes:
        reason: the class of the failure.
        message: what went wrong, for people, without what an extension quotes of a request or its reply.
        status: name of the gRPC status that the extension answered with; empty where there was none.
    """

    reason: FailureReason
    message: str
    status: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_quotes(self.message))

    @property
    def is_silence(self) -> bool:
        """Whether it looks as if nobody is there, and not as if this very call were refused.

        A deadline with a status was kept by somebody: a function of a hook overran it, and others need not.
        """
        if self.reason is FailureReason.DEADLINE:
            return not self.status
        return self.reason is FailureReason.CONNECT or self.status == _UNAVAILABLE


def refusal(words: str, status: str) -> HookFailure:
    """Return the failure of a call that was refused on purpose.

    Args:
        words: why, in the words of the hook.
        status: name of the gRPC status that stands for it.
    """
    return HookFailure(FailureReason.REFUSED, f"refused: {words}" if words else "refused", status)


def describe_manager(name: str) -> str:
    """Name an extension manager for people; the singular `extensionManager` need not have a name."""
    return f"extension {name}" if name else "the extension"
