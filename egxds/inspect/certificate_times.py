"""Which served certificates are not in their time, looked at when they change and when their time comes. Pure.

A certificate that is expired, not valid yet or about to end is served all the same; people are told. What is said of
it changes three times in its life, and a heap knows when: so a look costs the certificates of Gateways whose listeners
have others, and those whose moment has passed since the last look. That a Gateway is another one for its routes the
interpreter finds, by the identity of what its listeners have. Which ends first is
known from a sorted list, which the interpreter's own code searches and shifts.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from operator import attrgetter

from egxds.certificates.key_pair import key_pair
from egxds.certificates.validity import Validity
from egxds.incremental.identity import are_same
from egxds.incremental.revision import Revision
from egxds.model.api.core import SecretBody
from egxds.model.api.object import ApiObject
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.object_key import ObjectKey

_MOMENTS_PER_CERTIFICATE = 8
"""As many may wait in the heap as there are certificates, times this; three of each are of use."""

_Secrets = dict[ObjectKey, ApiObject[SecretBody]]
_Certificates = tuple[ApiObject[SecretBody], ...]
_certificates_of: Callable[[ResolvedListener], _Certificates] = attrgetter("certificates")


class CertificateTimes:
    """The certificates that are served, and what is to be said of their time."""

    def __init__(self) -> None:
        """Know of none."""
        self._gateways: Revision[ObjectKey, ResolvedGateway] = Revision()
        self._users: Counter[ObjectKey] = Counter()
        self._served: _Secrets = {}
        self._validity: dict[ObjectKey, Validity] = {}
        self._faults: dict[ObjectKey, str] = {}
        self._moments: list[tuple[datetime, ObjectKey]] = []
        self._ends: list[tuple[datetime, ObjectKey]] = []

    def fault(self, secret: ObjectKey) -> str:
        """Say that a certificate was not in its time at the last look; empty where it was, or is not served."""
        return self._faults.get(secret, "")

    def ends(self, most: int) -> tuple[tuple[ObjectKey, float], ...]:
        """Return served certificates, the first to end first, each with its end in seconds since 1970.

        Args:
            most: how many.
        """
        return tuple((key, moment.timestamp()) for moment, key in self._ends[:most])

    def update(self, gateways: Revision[ObjectKey, ResolvedGateway], now: datetime) -> frozenset[ObjectKey]:
        """Look at what changed, and at what time has changed.

        Args:
            gateways: all that are served.
            now: the time to judge by, with its zone.

        Returns:
            Secrets about which something else may be to be said than before.
        """
        changed = frozenset(self._changed(gateways)) | frozenset(self._due(now))
        for key in changed:
            self._judge(key, now)
        return changed

    def _changed(self, gateways: Revision[ObjectKey, ResolvedGateway]) -> Iterator[ObjectKey]:
        before, self._gateways = self._gateways, gateways
        for key in gateways.changed_since(before):
            was, is_ = _named(before.get(key)), _named(gateways.get(key))
            if are_same(was, is_):
                continue
            old, new = ({secret.key: secret for secret in chain.from_iterable(found)} for found in (was, is_))
            for secret in old.keys() | new.keys():
                self._users[secret] += (secret in new) - (secret in old)
                if old.get(secret) is not new.get(secret):
                    yield self._serve(secret, new.get(secret))

    def _serve(self, key: ObjectKey, secret: ApiObject[SecretBody] | None) -> ObjectKey:
        if not self._users[key]:
            del self._users[key]
            self._served.pop(key, None)
        elif secret is not None:
            self._served[key] = secret
        known = self._validity.pop(key, None)
        if known is not None:
            del self._ends[bisect_left(self._ends, (known.ends, key))]
        return key

    def _due(self, now: datetime) -> Iterator[ObjectKey]:
        while self._moments and self._moments[0][0] < now:
            yield heapq.heappop(self._moments)[1]

    def _judge(self, key: ObjectKey, now: datetime) -> None:
        self._faults.pop(key, None)
        secret = self._served.get(key)
        if secret is None:
            return
        if key not in self._validity:
            self._validity[key] = key_pair(secret.content.data).validity()
            insort(self._ends, (self._validity[key].ends, key))
        validity = self._validity[key]
        fault = validity.fault(now)
        if fault:
            self._faults[key] = fault
        moment = next((moment for moment in validity.moments if moment >= now), None)
        if moment is not None:
            heapq.heappush(self._moments, (moment, key))
            self._drop_stale_moments(now)

    def _drop_stale_moments(self, now: datetime) -> None:
        """Keep the heap in proportion to what is served: a certificate that changes leaves its moments behind."""
        if len(self._moments) <= _MOMENTS_PER_CERTIFICATE * len(self._served):
            return
        live = ((key, self._validity[key]) for key in self._served if key in self._validity)
        coming = ((moment, key) for key, validity in live for moment in validity.moments)
        self._moments = [(moment, key) for moment, key in coming if moment >= now]
        heapq.heapify(self._moments)


def _named(gateway: ResolvedGateway | None) -> list[_Certificates]:
    """Return the certificates of each listener of a Gateway, and what it shows to backends behind them."""
    if gateway is None:
        return []
    shown = gateway.client_certificate
    return [*map(_certificates_of, gateway.listeners), *([(shown,)] if shown is not None else [])]
