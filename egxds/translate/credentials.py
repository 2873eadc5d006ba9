"""Credentials that requests at a Gateway are given → the Envoy Secrets that SDS delivers. Pure.

Routes share them, and Envoy fetches each once. One goes when the last route lets it go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import GenericSecret, Secret

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import AttachedRoute
from egxds.model.resolve.route_filters import Injection
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource

Edit = tuple[Mapping[str, Resource], frozenset[str]]
"""Secrets that may be others than before, and the names of those that nobody needs any more."""


class Credentials:
    """Counts the routes that need each, at one Gateway.

    Attributes:
        by_name: those that are needed, as SDS delivers them.
    """

    def __init__(self) -> None:
        """Start without routes."""
        self.by_name: dict[str, Resource] = {}
        self._of_routes: dict[tuple[str, ObjectKey], frozenset[str]] = {}
        self._users: Counter[str] = Counter()
        self._needed: dict[str, Injection] = {}
        self._let_go: set[str] = set()

    def attach(
        self, listener: str, before: Revision[ObjectKey, AttachedRoute], now: Revision[ObjectKey, AttachedRoute]
    ) -> None:
        """Note the routes of a listener; what that comes to is written by `update`.

        Args:
            listener: its name.
            before: what it had.
            now: what it has.
        """
        for key in now.changed_since(before):
            attached = now.get(key)
            needed = _needed_by(attached) if attached is not None else {}
            gone = self._of_routes.pop((listener, key), frozenset())
            self._users.subtract(gone)
            self._let_go |= gone
            self._users.update(needed.keys())
            self._needed |= needed
            if needed:
                self._of_routes[listener, key] = frozenset(needed)

    def update(self) -> Edit:
        """Write what the routes came to that have been attached or let go since the last time."""
        put = {
            name: keep_equal(self.by_name.get(name), _secret(name, found))
            for name, found in self._needed.items()
            if self._users[name]
        }
        self.by_name |= put
        gone = frozenset(name for name in self._let_go | self._needed.keys() if not self._users[name])
        for name in gone:
            del self._users[name]
            self.by_name.pop(name, None)
        self._needed, self._let_go = {}, set()
        return put, gone


def _needed_by(attached: AttachedRoute) -> dict[str, Injection]:
    """Return the credentials that the rules of a route give, but for those that are closed."""
    open_ = (rule for rule in attached.route.rules if not rule.is_closed and not rule.refusal)
    found = (each.injection for rule in open_ for each in rule.all_route_filters)
    return {_name(each): each for each in found if each is not None}


def _name(found: Injection) -> str:
    return names.credential_name(found.secret.namespace, found.secret.name)


def _secret(name: str, found: Injection) -> Resource:
    generic = GenericSecret(secret=DataSource(inline_bytes=found.credential))
    return Resource(names.SECRET, name, encode(Secret(name=name, generic_secret=generic)), (found.secret,))
