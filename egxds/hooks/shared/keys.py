"""Where replies stand in a store. Pure.

    replies/said/<sha256>             the reply to a request, or the claim of who asks for it
    replies/parts/<sha256>            part of a reply that is too large for one key, by the digest of what stands there
    replies/epochs/<sha256>           is changed when everything of an extension is to be asked again; the revision of
                                      the change is the epoch
    replies/present/<sha256>/<lease>  a replica that would notice a reason for that, while it is there
    replies/replicas/<lease>          a replica that shares replies, while it is there
    replies/renewal                   stands while what is in use was renewed

Requests are named by digests, so that nothing that they hold stands in the store. An extension is its name and its
address: where settings are about to be others, and say another server, the one has said nothing of what the other
would.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from egxds.hooks.calls import CallKey
from egxds.settings.extensions import ExtensionManager

_FORMAT = "egxds reply 2"
"""Another one where what stands there is another thing: replicas of two versions have nothing in common then."""


@dataclass(frozen=True, slots=True)
class ReplyKeys:
    """Keys below a prefix.

    Attributes:
        prefix: what all keys of a store start with.
        mark: of the key that replies are encrypted with: of another one, nothing could be read.
    """

    prefix: str
    mark: str = ""

    @property
    def all(self) -> str:
        """What all keys that are about replies start with."""
        return f"{self.prefix}replies/"

    @property
    def epochs(self) -> str:
        """What the epochs of all extensions start with."""
        return f"{self.all}epochs/"

    @property
    def replicas(self) -> str:
        """What the keys start with that stand as long as a replica shares replies."""
        return f"{self.all}replicas/"

    @property
    def renewal(self) -> str:
        """What stands while replies that are in use were renewed, so that one replica does it."""
        return f"{self.all}renewal"

    def said(self, manager: ExtensionManager, call: CallKey, epoch: int) -> str:
        """Return where the reply to a call stands.

        Args:
            manager: who is asked.
            call: what is asked.
            epoch: of the extension.
        """
        name, hook, digest = call
        asked = json.dumps([_FORMAT, self.mark, name, str(manager.service.address), hook.value, digest.hex(), epoch])
        return f"{self.all}said/{_digest(asked)}"

    def part(self, digest: str) -> str:
        """Return where a part of a reply stands."""
        return f"{self.all}parts/{digest}"

    def epoch(self, manager: ExtensionManager) -> str:
        """Return what is changed when everything of an extension is to be asked again."""
        return f"{self.epochs}{_of(manager)}"

    def present(self, manager: ExtensionManager) -> str:
        """Return what the keys of the replicas start with that look after an extension."""
        return f"{self.all}present/{_of(manager)}/"


def _of(manager: ExtensionManager) -> str:
    return _digest(json.dumps([_FORMAT, manager.name, str(manager.service.address)]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
