"""What BackendTrafficPolicies ask of the traffic of rules, listener by listener. Pure.

    a rule                     its own policy, else that of its route, else what is in force at the listener
    one that is merged         what comes of it and of the policy that is in force at the listener

A rule has its clusters once in a Gateway, whatever listeners its requests come by (Envoy Gateway has one of each name,
and takes what it comes upon first). Where a listener, or a ListenerSet, has a policy that asks for other clusters than
the policy of all of the Gateway does, the rules there have clusters of their own, which are named after that policy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from egxds.model.api.backend_traffic.load_balancer import LoadBalancer, ZoneAware
from egxds.model.resolve.effective_policies import EffectivePolicies, EffectivePolicy, PoliciesInForce
from egxds.model.resolve.features.backend_traffic import cluster_part, route_part, stream_part
from egxds.model.resolve.features.retry import RETRY
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class BackendTraffic:
    """What is asked of the traffic of a rule, or of the rules at a listener.

    Attributes:
        policies: those that ask it; none where nothing is asked.
        settings: field → what it asks.
        apart: what its clusters are named after beside the rule, where they are others than at the rest of the Gateway.
        is_denied: whether it cannot be done, and what it is asked of is denied: nobody looks at `settings` then.
    """

    policies: tuple[ObjectKey, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict, repr=False)
    apart: str = ""
    is_denied: bool = False

    @property
    def zones(self) -> ZoneAware | None:
        """How requests are shared out among zones; None where these do not matter."""
        balancer = self.settings.get("loadBalancer")
        return balancer.zones if isinstance(balancer, LoadBalancer) else None

    @property
    def of_clusters(self) -> Mapping[str, object]:
        """What of it stands at clusters."""
        return cluster_part(self.settings)

    @property
    def of_routes(self) -> Mapping[str, object]:
        """What of it stands at single routes."""
        return route_part(self.settings)

    @property
    def at_routes(self) -> BackendTraffic | None:
        """As much of it as is seen in single routes: what is asked there, and which clusters they name."""
        asked = self.of_routes
        return replace(self, settings=asked) if asked or self.apart else None

    @property
    def at_hosts(self) -> BackendTraffic | None:
        """As much of it as is seen in virtual hosts: retries, which a route may have otherwise."""
        retry = self.settings.get(RETRY.field)
        return None if retry is None else BackendTraffic(self.policies, {RETRY.field: retry})

    @property
    def at_streams(self) -> BackendTraffic:
        """As much of it as is seen where connections are passed on as a whole.

        That is which clusters are named there, and what datagrams are told apart by.
        """
        asked = stream_part(self.settings)
        return replace(self, settings=asked) if asked or self.apart or self.is_denied else NOTHING_ASKED

    def is_same_for_clusters(self, other: BackendTraffic) -> bool:
        """Tell whether the same clusters come of it, from the same policies."""
        asked = self.of_clusters
        return (self.apart, asked) == (other.apart, other.of_clusters) and (
            not asked or self.policies == other.policies
        )


NOTHING_ASKED = BackendTraffic()


def traffic_of_listeners(
    in_force: Mapping[str, PoliciesInForce],
    gateway: ObjectKey,
    listeners: Mapping[ObjectKey, Collection[str]],
    effective: EffectivePolicies,
) -> Mapping[str, BackendTraffic]:
    """Return what is asked at listeners of the rules that have no policy of their own, where anything is.

    Args:
        in_force: what is in force at the listeners of a Gateway, by name.
        gateway: the Gateway.
        listeners: names of all listeners of it.
        effective: knows what policies come to.
    """
    asking = {name: policy for name, found in in_force.items() if (policy := of_backends(found)) is not None}
    if not asking:
        return {}
    of_all = of_backends(effective.at_listener(gateway, gateway, "", listeners))
    common = traffic_of_policy(of_all, "") if of_all is not None else NOTHING_ASKED
    return {name: _beside(policy, common) for name, policy in asking.items()}


def _beside(policy: EffectivePolicy, common: BackendTraffic) -> BackendTraffic:
    """Return what a policy asks at a listener, with clusters of its own where these are others than in common."""
    asked, key = traffic_of_policy(policy, ""), policy.policies[0]
    if asked == common or asked.of_clusters == common.of_clusters:
        return asked
    return replace(asked, apart=f"{key.namespace}/{key.name}")


def of_backends(in_force: PoliciesInForce) -> EffectivePolicy | None:
    """Return the one of some policies that is about traffic to backends; None where none is."""
    return next((each for each in in_force if APPLIED_KINDS[each.kind].is_for_backends), None)


def traffic_of_policy(policy: EffectivePolicy, apart: str) -> BackendTraffic:
    """Return what a policy asks.

    Args:
        policy: the policy.
        apart: what clusters are named after for it.
    """
    return BackendTraffic(policy.policies, policy.settings, apart, bool(policy.faults))
