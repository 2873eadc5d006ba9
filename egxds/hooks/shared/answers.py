"""How an extension comes to an answer: by asking its server, or by what is shared with other replicas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.replies.check import CallResult
from egxds.settings.extensions import ExtensionManager


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call.

    Attributes:
        reply: what was said, or why nothing was.
        result: what that asks for.
        is_taken: whether another replica has asked for it.
    """

    reply: HookReply | HookFailure
    result: CallResult
    is_taken: bool = False


class Reasons(NamedTuple):
    """How often there was a reason to ask everything again.

    Attributes:
        losses: for which a connection was lost, or the health of a server came back.
        wishes: for which somebody wanted it, or the time for it had come.
    """

    losses: int
    wishes: int


@dataclass(frozen=True, slots=True)
class Asked:
    """An extension, as it is asked by this replica alone.

    Attributes:
        ask: makes a call, and judges the reply.
        judge: judges a reply.
        reasons: tells how often there was a reason to ask everything again.
        attend: has such a reason noticed from now on, though nothing was asked yet.
        forget: makes such a reason.
    """

    ask: Callable[[HookCall], Awaitable[Answer]]
    judge: Callable[[HookCall, HookReply], Awaitable[CallResult]]
    reasons: Callable[[], Reasons]
    attend: Callable[[], None]
    forget: Callable[[], None]


class Sharing(Protocol):
    """What an extension shares with other replicas."""

    @property
    def changes(self) -> int:
        """How often what was said has ceased to hold without a reason of this replica's own."""
        ...

    async def answer(self, call: HookCall) -> Answer:
        """Return what comes of a call; raise nothing."""
        ...

    async def answer_anew(self, call: HookCall) -> Answer:
        """Return what comes of a call of which a reply may be known, and was of no use; raise nothing."""
        ...

    async def watch(self, on_renewed: Callable[[], None]) -> None:
        """Call back when `changes` has changed; until cancelled."""
        ...


Share = Callable[[ExtensionManager, Asked], Sharing]
"""Has the answers of an extension shared."""


class Unshared:
    """An extension that this replica asks by itself.

    Attributes:
        changes: none.
    """

    changes = 0

    def __init__(self, asked: Asked) -> None:
        """Share nothing.

        Args:
            asked: who is asked.
        """
        self._asked = asked

    async def answer(self, call: HookCall) -> Answer:
        """See `Sharing`."""
        return await self._asked.ask(call)

    async def answer_anew(self, call: HookCall) -> Answer:
        """See `Sharing`."""
        return await self._asked.ask(call)

    async def watch(self, on_renewed: Callable[[], None]) -> None:
        """See `Sharing`."""


def unshared(_manager: ExtensionManager, asked: Asked) -> Sharing:
    """Share nothing."""
    return Unshared(asked)
