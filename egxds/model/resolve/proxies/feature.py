"""What a feature of an EnvoyProxy is: a part of its spec, what that refers to, and what it comes to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.proxies.collectors import FoundCollector
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.object_key import ObjectKey


class Resolved(NamedTuple):
    """What a feature comes to, whom something is sent to for it, and what of it cannot be done.

    Of one that cannot be done at all the value is None.
    """

    value: object
    collectors: tuple[FoundCollector, ...] = ()
    errors: tuple[Fault, ...] = ()


def _asks_nothing(_asked: Any, _proxy: ObjectKey) -> Iterator[Query]:
    """Yield nothing: the feature refers to nothing."""
    return iter(())


@dataclass(frozen=True, slots=True)
class ProxyFeature:
    """One feature of EnvoyProxies.

    Attributes:
        path: of its field in the spec, as the file spells it; its last part names the feature.
        asked: returns what a spec says; None where that is nothing.
        resolve: returns what is asked, all of its references followed. What cannot be done is left out of it.
        queries: yields what it asks of other objects, whatever the answers are. Takes what is asked, and the
            EnvoyProxy.
    """

    path: tuple[str, ...]
    asked: Callable[[EnvoyProxySpec], Any | None]
    resolve: Callable[[Any, ProxyContext], Resolved]
    queries: Callable[[Any, ObjectKey], Iterator[Query]] = _asks_nothing

    @property
    def name(self) -> str:
        """By which it is told from the others."""
        return self.path[-1]
