"""The answers of one extension, each asked for by one replica. Awaits; the package says by which steps.

What this replica was told while the store could not be asked is owed to the others: once it can be, everything is
asked again under the same epoch, and so comes to what they go by, or they come to it. That may be at once: a call
outlives the connection that it began on, and there may be another one when it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import anyio
from anyio import to_thread
from betterproto2 import Message

from egxds import names
from egxds.etcd.errors import EtcdError, RequestTooLargeError, TimedOutError, UnavailableError
from egxds.etcd.operations import KeyValue, Unchanged
from egxds.generated.envoygateway.extension import (
    PostClusterModifyResponse,
    PostEndpointsModifyResponse,
    PostHttpListenerModifyResponse,
    PostRouteModifyResponse,
    PostTranslateModifyResponse,
    PostVirtualHostModifyResponse,
)
from egxds.grpc.client_stream import LARGE_REPLY_BYTES
from egxds.grpc.codec import decode_large
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.shared.answers import Answer, Asked
from egxds.hooks.shared.epochs import SharedEpoch
from egxds.hooks.shared.link import Link
from egxds.hooks.shared.stored import Packed, StoredReplyError, read_value
from egxds.settings.extensions import ExtensionManager, Hook

_RESPONSES: dict[Hook, type[Message]] = {
    Hook.ROUTE: PostRouteModifyResponse,
    Hook.ENDPOINTS: PostEndpointsModifyResponse,
    Hook.CLUSTER: PostClusterModifyResponse,
    Hook.VIRTUAL_HOST: PostVirtualHostModifyResponse,
    Hook.HTTP_LISTENER: PostHttpListenerModifyResponse,
    Hook.TRANSLATION: PostTranslateModifyResponse,
}

_TRIES = 4
"""To put a reply where others claim, and die, and damage what stands there."""

_NO_ANSWER = "etcd has not answered in time"

_STORE_S = 1.0
"""What the store may take beyond the time that another replica has for its call."""


class Store(Protocol):
    """The store, as far as it can be asked."""

    @property
    def takes_secrets(self) -> bool:
        """Whether Secrets may stand there."""
        ...

    async def link(self, limit_s: float) -> Link | None:
        """Return the connection; None where there is none, which may take some time to be known."""
        ...

    def broke(self, link: Link, err: EtcdError) -> None:
        """Take note that a connection is none."""
        ...

    def told_alone(self, sharing: SharedAnswers) -> None:
        """Take note that what is owed can be asked for as soon as there is a connection, which there may be by now."""
        ...

    def came(self, sharing: SharedAnswers) -> None:
        """Tell somebody from now on of epochs, and when what is owed can be asked for."""
        ...

    def left(self, sharing: SharedAnswers) -> None:
        """Tell them no more."""
        ...


@dataclass(frozen=True, slots=True)
class _Turn:
    """It is for this replica to ask.

    Attributes:
        key: of the request.
        revision: of what stands there, which the reply replaces.
        is_ours: whether that is a claim of this replica.
    """

    key: str
    revision: int
    is_ours: bool


@dataclass(frozen=True, slots=True)
class _Unfit:
    """A reply stands there that does not pass here: it did by other settings, or in another version of egxds."""


class SharedAnswers:
    """What an extension shares with other replicas.

    Attributes:
        manager: its settings.
        epoch: under which it is asked.
        is_owed: whether something was said to this replica alone.
    """

    def __init__(self, manager: ExtensionManager, asked: Asked, store: Store) -> None:
        """Prepare.

        Args:
            manager: its settings.
            asked: the extension, as this replica asks it.
            store: where replies stand.
        """
        self.manager = manager
        self.epoch = SharedEpoch(manager, asked.reasons, self._renew)
        self.is_owed = False
        self._asked = asked
        self._store = store
        self._on_renewed: Callable[[], None] | None = None

    @property
    def changes(self) -> int:
        """See `Sharing`."""
        return self.epoch.changes

    async def watch(self, on_renewed: Callable[[], None]) -> None:
        """See `Sharing`."""
        self._on_renewed = on_renewed
        self._store.came(self)
        try:
            await anyio.sleep_forever()
        finally:
            self._store.left(self)

    async def answer(self, call: HookCall) -> Answer:
        """See `Sharing`."""
        if names.SECRET in call.included and not self._store.takes_secrets:
            return await self._asked.ask(call)
        # Others may have asked all that there is, and go away.
        self._asked.attend()
        link = await self._store.link(self.manager.call_timeout)
        found = await self._found(link, call) if link is not None else None
        if link is None or found is None:
            return await self._ask_alone(call)
        # How long the extension takes says nothing about the store.
        if isinstance(found, _Unfit):
            return await self._asked.ask(call)
        return found if isinstance(found, Answer) else await self._ask(link, found, call)

    async def answer_anew(self, call: HookCall) -> Answer:
        """See `Sharing`. Where it is another one than all go by, all ask everything again."""
        known = await self.answer(call)
        if not known.is_taken:
            return known
        found = await self._asked.ask(call)
        if not isinstance(found.result, HookFailure) and found.result != known.result:
            self._asked.forget()
            self._renew()
        return found

    def settle_debts(self) -> None:
        """Ask everything again, where something was said to this replica alone."""
        if self.is_owed:
            self.is_owed = False
            self.epoch.lapse()

    def _renew(self) -> None:
        if self._on_renewed is not None:
            self._on_renewed()

    async def _found(self, link: Link, call: HookCall) -> Answer | _Unfit | _Turn | None:
        """Return what another replica was told, or that it is for this one to ask; None where that is not known."""
        with anyio.move_on_after(self.manager.call_timeout + _STORE_S):
            try:
                key = link.keys.said(self.manager, call.key(), await self.epoch.settled(link))
                return await self._awaited(link, key, call)
            except EtcdError as err:
                self._store.broke(link, err)
                return None
        # A connection that does not lead to an answer is as good as none: what is owed is settled on the next one.
        self._store.broke(link, TimedOutError(_NO_ANSWER))
        return None

    async def _awaited(self, link: Link, key: str, call: HookCall) -> Answer | _Unfit | _Turn:
        deadline_s = anyio.current_time() + self.manager.call_timeout
        with link.watched.watched(key) as changes:
            while True:
                claimed = await link.claim(key)
                if isinstance(claimed, int):
                    return _Turn(key, claimed, is_ours=True)
                if claimed.found is None:
                    continue
                taken = await self._taken(link, claimed.found, call)
                if taken is not None:
                    return taken
                with anyio.CancelScope(deadline=deadline_s) as limit:
                    await changes.after(claimed.found.mod_revision)
                if limit.cancelled_caught:
                    return _Turn(key, claimed.found.mod_revision, is_ours=False)

    async def _taken(self, link: Link, found: KeyValue, call: HookCall) -> Answer | _Unfit | _Turn | None:
        """Return what stands at a key; None for a claim. It is for us to replace what is no reply."""
        try:
            stored = read_value(found.value)
            if stored is None:
                return None
            body = await link.read(stored, self.manager.max_message_size)
            message = await decode_large(_RESPONSES[call.hook], body, LARGE_REPLY_BYTES)
        except (StoredReplyError, MalformedMessageError):
            return _Turn(found.key, found.mod_revision, is_ours=False)
        reply = HookReply(message, len(body))
        result = await self._asked.judge(call, reply)
        return _Unfit() if isinstance(result, HookFailure) else Answer(reply, result, is_taken=True)

    async def _ask_alone(self, call: HookCall) -> Answer:
        self.is_owed = True
        answer = await self._asked.ask(call)
        self._store.told_alone(self)
        return answer

    async def _ask(self, link: Link, turn: _Turn, call: HookCall) -> Answer:
        is_said = False
        try:
            answer = await self._asked.ask(call)
            if isinstance(answer.reply, HookReply) and not isinstance(answer.result, HookFailure):
                answer, is_said = await self._said(link, turn, call, answer.reply, answer)
            return answer
        finally:
            # Also where a run is cut short: others would wait for what does not come.
            if turn.is_ours and not is_said:
                link.release(turn.key, turn.revision)

    async def _said(
        self, link: Link, turn: _Turn, call: HookCall, reply: HookReply, answer: Answer
    ) -> tuple[Answer, bool]:
        """Put a reply where others find it; return the one that all go by, and whether it stands there."""
        if getattr(reply.message, "secrets", ()) and not self._store.takes_secrets:
            return answer, False
        to_put = await _packed(link, reply)
        if to_put is None:
            return answer, False
        with anyio.move_on_after(self.manager.call_timeout + _STORE_S):
            try:
                said = await self._put(link, turn, call, to_put)
            except RequestTooLargeError:
                return answer, False
            except EtcdError as err:
                said = err
            if not isinstance(said, EtcdError):
                return said or answer, True
            return self._not_said(link, said, answer)
        return self._not_said(link, TimedOutError(_NO_ANSWER), answer)

    def _not_said(self, link: Link, err: EtcdError, answer: Answer) -> tuple[Answer, bool]:
        self._store.broke(link, err)
        self.is_owed = True
        self._store.told_alone(self)
        return answer, False

    async def _put(self, link: Link, turn: _Turn, call: HookCall, reply: Packed) -> Answer | EtcdError | None:
        """Put a reply where none stands; return the one that stands there, or None where this one is gone by."""
        seen = turn.revision
        for _ in range(_TRIES):
            done = await link.say(Unchanged(turn.key, seen), reply)
            if isinstance(done, int):
                return None
            seen = done.found.mod_revision if done.found is not None else 0
            taken = await self._taken(link, done.found, call) if done.found is not None else None
            if isinstance(taken, Answer | _Unfit):
                return taken if isinstance(taken, Answer) else None
        return UnavailableError("what stands in etcd changes without end")


async def _packed(link: Link, reply: HookReply) -> Packed | None:
    def pack() -> Packed | None:
        return link.packed(bytes(reply.message))

    return pack() if reply.size_bytes < LARGE_REPLY_BYTES else await to_thread.run_sync(pack)
