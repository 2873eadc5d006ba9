"""How the listeners of a Gateway take their clients, as ClientTrafficPolicies have it. Pure; follows what changed.

Source: Envoy Gateway v1.9. The policy of a listener is in force there, else that of its
ListenerSet, else that of its Gateway; it replaces the others as a whole.

Some listeners cannot be told apart in time, and their policies may not differ:

    HTTP listeners of a port      by the host of a request, of which there is none before it is read: a policy for some
                                  of them is refused (Envoy Gateway), one for all of the Gateway is not
    all listeners of a port       by what a client says, of which nothing is known before the PROXY protocol: where
                                  only some ask for it, these are closed

A policy that is refused, or cannot be done, closes what it was to be in force at if it decides on access or trust. If
it does not, what it asks is not done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.model.api.client_traffic.policy import CLIENT_TRAFFIC_POLICY, ClientTrafficPolicySpec
from egxds.model.api.client_traffic.requests import Http1, Http10
from egxds.model.resolve.effective_policies import EffectivePolicies, EffectivePolicy
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.listener_policies import all_listener_policies
from egxds.model.resolve.listener_protocols import HTTP, Transport
from egxds.model.resolve.listener_traffic import ListenerTraffic, TrafficOfListeners
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.resolved import ANY_HOST
from egxds.model.resolve.verdicts import GatewayVerdict
from egxds.object_key import ObjectKey


class TrafficBook:
    """Knows how every listener takes its clients.

    Attributes:
        effective: knows what policies come to by themselves.
    """

    def __init__(self, policies: PolicyBook, effective: EffectivePolicies) -> None:
        """Start without Gateways.

        Args:
            policies: knows what they are for.
            effective: knows what they come to by themselves.
        """
        self._policies = policies
        self.effective = effective
        self._found: dict[ObjectKey, TrafficOfListeners] = {}

    def update(self, gateways: Iterable[tuple[ObjectKey, GatewayVerdict | None]]) -> AbstractSet[ObjectKey]:
        """Decide again about some Gateways.

        Args:
            gateways: each with what was decided about it otherwise; None of one that is not ours.

        Returns:
            Gateways and ListenerSets of which a listener takes its clients otherwise than before.
        """
        moved: set[ObjectKey] = set()
        for key, verdict in gateways:
            before = self._found.pop(key, {})
            now = self._traffic(verdict) if verdict is not None else {}
            if now:
                self._found[key] = {name: keep_equal(before.get(name), each) for name, each in now.items()}
            if now != before and verdict is not None:
                moved |= {key, *(entry.owner for entry in verdict.listeners)}
        return moved

    def of(self, gateway: ObjectKey) -> TrafficOfListeners:
        """Return how the listeners of a Gateway take their clients."""
        return self._found.get(gateway, {})

    def _traffic(self, verdict: GatewayVerdict) -> TrafficOfListeners:
        in_force = all_listener_policies(verdict, self.effective)
        found = {
            name: policy
            for name, each in in_force.items()
            for policy in each
            if policy.kind == CLIENT_TRAFFIC_POLICY.id
        }
        entries = [entry for entry in verdict.listeners if entry.name in found]
        return {entry.name: self._of_listener(entry, verdict, found) for entry in entries}

    def _of_listener(
        self, entry: ListenerVerdict, verdict: GatewayVerdict, found: Mapping[str, EffectivePolicy]
    ) -> ListenerTraffic:
        policy = found[entry.name]
        key, settings = policy.policies[0], dict(policy.settings)
        shared = [*self._shared(entry, verdict, key), *self._unlike(entry, verdict, found)]
        faults, errors = list(policy.faults), list(policy.errors)
        if shared:
            (faults if self._decides(key) else errors).extend(shared)
            settings.clear()
        http1 = settings.get("http1")
        if isinstance(http1, Http1) and http1.uses_default_host and not _has_default_host(entry, verdict):
            errors.append(_no_default_host(entry))
            settings["http1"] = replace(http1, http10=Http10())
        return ListenerTraffic(key, {} if faults else settings, tuple(faults), tuple(errors))

    def _decides(self, policy: ObjectKey) -> bool:
        found = self._policies.policy(policy)
        return found is None or APPLIED_KINDS[policy.group_kind].decides(found.content.fields)

    def _shared(self, entry: ListenerVerdict, verdict: GatewayVerdict, policy: ObjectKey) -> Iterator[Fault]:
        """Say that a policy is for some HTTP listeners of a port and not for the others."""
        if entry.protocol is not HTTP:
            return
        own = {each.section for each in self._policies.applied(entry.owner) if each.policy.key == policy}
        is_of_section = entry.listener.name in own
        if not is_of_section and (entry.owner == verdict.gateway.key or "" not in own):
            return
        others = [
            names.listener_name(verdict.gateway.key.namespace, verdict.gateway.key.name, each.name)
            for each in verdict.listeners
            if each.protocol is HTTP and each.listener.port == entry.listener.port and each.name != entry.name
            if is_of_section or each.owner != entry.owner
        ]
        if others:
            message = (
                "ClientTrafficPolicy is being applied to multiple http (non https) listeners "
                f"({', '.join(others)}) on the same port, which is not allowed"
            )
            yield Fault(Reason.INVALID, message)

    def _unlike(
        self, entry: ListenerVerdict, verdict: GatewayVerdict, found: Mapping[str, EffectivePolicy]
    ) -> Iterator[Fault]:
        """Say that a listener asks for the PROXY protocol otherwise than another one of its port."""
        own = self._asked(found[entry.name])
        if own is None or own.asked_proxy_protocol is None:
            return
        for each in verdict.served:
            is_beside = each.listener.port == entry.listener.port and each.name != entry.name
            if not is_beside or each.protocol is None or each.protocol.transport is Transport.UDP:
                continue
            other = self._asked(found[each.name]) if each.name in found else None
            if each.name in found and other is None:
                continue
            if other is None or other.asked_proxy_protocol != own.asked_proxy_protocol:
                message = (
                    f"proxyProtocol: it is asked for before anybody knows whether a client means listener {each.name}"
                )
                yield Fault(
                    Reason.INVALID, f"{message}, on the same port, where it is not, or not so: say it there, too"
                )
                return

    def _asked(self, policy: EffectivePolicy) -> ClientTrafficPolicySpec | None:
        """Return what a policy says; None of one with mistakes, of which nobody knows what was meant."""
        found = self._policies.policy(policy.policies[0])
        asked = found.content.asked if found is not None else None
        return asked if isinstance(asked, ClientTrafficPolicySpec) else None


def _has_default_host(entry: ListenerVerdict, verdict: GatewayVerdict) -> bool:
    """Tell whether a request that names no host can only be for one; HTTP listeners of a port share what it is."""
    sharing = [
        each for each in verdict.listeners if each.listener.port == entry.listener.port and each.protocol is HTTP
    ]
    return not entry.hostname.startswith(ANY_HOST) and (entry.protocol is not HTTP or len(sharing) == 1)


def _no_default_host(entry: ListenerVerdict) -> Fault:
    why = "has no hostname without a wildcard, or shares its port"
    message = f"http1.http10.useDefaultHost: listener {entry.listener.name} {why}"
    return Fault(Reason.INVALID, message, ("spec", "http1", "http10", "useDefaultHost"))
