"""Where what is in force at listeners stands that share a RouteConfiguration: at its head, or at those of hosts. Pure.

Where the same is in force at all of them it stands once. Where it is not, it stands at the virtual hosts of each, since
Envoy knows no listeners inside of a RouteConfiguration. Retries stand at virtual hosts in any case: a
RouteConfiguration has no place for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Self

from egxds.model.resolve.backend_traffic import NOTHING_ASKED, BackendTraffic
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.model.resolve.resolved import ResolvedListener
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class PolicyHeads:
    """What is in force, and where it stands.

    Attributes:
        of_all: at the head of the RouteConfiguration.
        of_listeners: name of a listener → at the heads of its virtual hosts, of those that have anything there.
        to_backends: name of a listener → what is asked of the traffic of its rules, and stands at these heads, too.
    """

    of_all: PoliciesInForce = ()
    of_listeners: Mapping[str, PoliciesInForce] = field(default_factory=dict)
    to_backends: Mapping[str, BackendTraffic] = field(default_factory=dict)

    @classmethod
    def of(cls, listeners: Sequence[ResolvedListener]) -> Self:
        """Share out what is in force at some listeners; where it is the same at all, only the interpreter compares.

        Args:
            listeners: at least one.
        """
        all_in_force = [*map(attrgetter("in_force"), listeners)]
        first = all_in_force[0]
        to_backends = {each.name: found for each in listeners if (found := each.to_backends.at_hosts) is not None}
        if all_in_force.count(first) == len(all_in_force):
            return cls(first, {}, to_backends)
        return cls((), {each.name: each.in_force for each in listeners if each.in_force}, to_backends)

    def of_listener(self, listener: str) -> PoliciesInForce:
        """Return what stands at the heads of a listener's virtual hosts."""
        return self.of_listeners.get(listener, ())

    def listeners_other_than(self, before: PolicyHeads) -> list[str]:
        """Return the names of the listeners whose virtual hosts have another head than before."""
        named = {*self.of_listeners, *before.of_listeners, *self.to_backends, *before.to_backends}
        return [name for name in named if self._at(name) != before._at(name)]

    def _at(self, listener: str) -> tuple[PoliciesInForce, BackendTraffic]:
        return self.of_listener(listener), self.to_backends.get(listener, NOTHING_ASKED)


def policies_of(in_force: PoliciesInForce) -> tuple[ObjectKey, ...]:
    """Return the policies behind what is in force."""
    return tuple(key for each in in_force for key in each.policies)
