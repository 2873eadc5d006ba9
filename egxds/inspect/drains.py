"""Which connections an Envoy drains where a Listener becomes another one. Pure.

    all of a Listener's     it goes, or anything of it changes but its filter chains; or none of those is left but the
                            default one, which Envoy does not exchange in place
    those of a chain        the chain goes, or anything of it changes, its name too
    none                    chains are added, or change their order; `connection_balance_config`

Other types drain none: routes, endpoints and secrets are exchanged under connections that go on, and a changed cluster
makes its connections to backends anew. `tests/envoy/test_drains.py` has a real Envoy drain what is said here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]

_CHAINS = "filter_chains"
_DEFAULT_CHAIN = "default_filter_chain"
_IN_PLACE = frozenset({_CHAINS, _DEFAULT_CHAIN, "connection_balance_config"})


@dataclass(frozen=True, slots=True)
class Drain:
    """What is drained.

    Attributes:
        chains: names of the filter chains; empty where it is all of the Listener.
        reason: why, for people.
    """

    chains: tuple[str, ...]
    reason: str

    @property
    def is_whole(self) -> bool:
        """Whether all connections of the Listener drain."""
        return not self.chains


def drain_of(before: Body | None, after: Body | None, *, is_told: bool = True) -> Drain | None:
    """Return what an Envoy drains; None where that is nothing.

    Args:
        before: the Listener as Envoy's JSON; None where it is new.
        after: what it becomes; None where it goes.
        is_told: whether all that is other in it can be seen; else something that is hidden differs.
    """
    if before is None:
        return None
    if after is None:
        return Drain((), "it is removed")
    if before == after:
        return None if is_told else Drain((), "something that is hidden here differs: it may be anything")
    other = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    whole = [name for name in other if name not in _IN_PLACE]
    if whole:
        return Drain((), f"{', '.join(whole)} {'differs' if len(whole) == 1 else 'differ'}")
    if other and set(other) <= {_CHAINS, _DEFAULT_CHAIN} and not after.get(_CHAINS):
        return Drain((), "the default filter chain is all that it has, and is not exchanged in place")
    chains = tuple(dict.fromkeys(_chains_gone(before, after)))
    return Drain(chains, "only filter chains differ") if chains else None


def _chains_gone(before: Body, after: Body) -> Iterator[str]:
    """Yield the names of the filter chains that are not there any more as they were."""
    kept = Counter(map(_content, after.get(_CHAINS, ())))
    for chain in before.get(_CHAINS, ()):
        content = _content(chain)
        if kept[content]:
            kept[content] -= 1
        else:
            yield chain.get("name", "")
    default = before.get(_DEFAULT_CHAIN)
    if default is not None and default != after.get(_DEFAULT_CHAIN):
        yield default.get("name", "") or "the default filter chain"


def _content(chain: Body) -> str:
    return json.dumps(chain, sort_keys=True)
