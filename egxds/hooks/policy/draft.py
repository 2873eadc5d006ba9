"""A Gateway's resources while the hooks work on them. Pure.

The stages change a draft call by call; `egxds.hooks.policy.publication` turns what they left into what is published.
Each resource is in one of three places, and moves between them in one direction only:

    as the hooks left it so far ---- bypass ----> the same, its name among `bypassed`
              |                                        |
              '--------------- deny -----------> `denied_…`: as it was before the hook that failed

A listener, a cluster or endpoints that are denied are shown to no hook after that, and no reply can bring them back:
an extension that fails must not be overruled by the next one in the chain. A denied route and the `error_vhost` are
asked about by no hook of their own, but they are part of what later hooks are shown; they are put back into every
reply as they were (`kept_denials`), and no listener may lead around them (`detours`). What is bypassed goes on
through the chain, but is not remembered as accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from egxds import names
from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.policy.kept_denials import holds_denials
from egxds.hooks.policy.outcome import Accepted, AcceptedPart, HookProblem, inputs_of
from egxds.hooks.replies.check import Edit
from egxds.resources.denials import deny_configuration, deny_users
from egxds.resources.references import References, resource_references
from egxds.resources.resource import Key, Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, OnFailure


@dataclass(frozen=True, slots=True)
class AppliedEdit:
    """One edit that a draft holds.

    Attributes:
        call: whose reply it is.
        references: what the edited resources refer to.
        removed: resources that it took away.
    """

    call: HookCall
    references: References
    removed: References = frozenset()


@dataclass(frozen=True, slots=True)
class Contents:
    """The very mappings that a draft has at one moment; a Translation hook puts others in their place."""

    listeners: Mapping[str, Resource]
    clusters: Mapping[str, Resource]
    endpoints: Mapping[str, Resource]
    secrets: Mapping[str, Resource]
    route_configurations: Mapping[str, RouteConfiguration]


@dataclass(frozen=True, slots=True)
class DraftedTranslation:
    """One Translation call that was answered, and taken.

    Attributes:
        call: what was asked.
        edit: what was said.
        before: what there was before it.
        after: what it left.
        removed: resources that it took away.
    """

    call: HookCall
    edit: Edit
    before: Contents
    after: Contents
    removed: References


class Draft:
    """One Gateway in the hands of its hooks.

    Attributes:
        translation: what it was before any hook.
        accepted: what all hooks accepted last.
        listeners: those that no hook failed on, by name.
        route_configurations: those not denied as a whole, by name.
        clusters: those that no hook failed on, by name.
        endpoints: those that no hook failed on, by name.
        secrets: by name.
        denied_listeners: name → the listener as it was before the hook that failed.
        denied_clusters: name → the cluster as it was before the hook that failed.
        denied_endpoints: name → the endpoints as they were before the hook that failed.
        denied_configurations: denied as a whole, by name.
        bypassed: listeners, clusters and endpoints that go without a hook's changes.
        applied: every edit that was made, in order.
        translated: every Translation call that was answered and taken, in order.
        problems: every failed call.
        is_held: whether the last accepted state is to stay.
        is_denied: whether the whole Gateway is denied.
        has_failed_translation: whether any Translation call failed.
    """

    def __init__(self, translation: GatewayTranslation, accepted: Accepted) -> None:
        self.translation = translation
        self.accepted = accepted
        self.listeners = dict(translation.listeners)
        # By name, so that failures are told in one order, whatever came first.
        self.route_configurations = dict(sorted(translation.route_configurations.items()))
        self.clusters = dict(translation.clusters)
        self.endpoints = dict(translation.endpoints)
        self.secrets = dict(translation.secrets)
        self.denied_listeners: dict[str, Resource] = {}
        self.denied_clusters: dict[str, Resource] = {}
        self.denied_endpoints: dict[str, Resource] = {}
        self.denied_configurations: dict[str, RouteConfiguration] = {}
        self.bypassed: set[Key] = set()
        self.applied: list[AppliedEdit] = []
        self.translated: list[DraftedTranslation] = []
        self.problems: list[HookProblem] = []
        self.is_held = False
        self.is_denied = False
        self.has_failed_translation = False

    def fail(self, manager: ExtensionManager, call: HookCall, failure: HookFailure) -> OnFailure:
        """Record a failed call and decide what follows from it.

        Returns:
            The manager's policy; `deny` where it would hold and there is nothing yet to hold.
        """
        policy = manager.failure_policy
        # A first start with a broken extension: there is nothing to hold, and to pass traffic on would be to fail open.
        if policy == "hold" and self.accepted.resources is None:
            policy = "deny"
        if policy == "hold":
            self.is_held = True
        self.problems.append(HookProblem(call, failure.reason, failure.message, policy))
        return policy

    def contents(self) -> Contents:
        """Return what there is and no hook failed on."""
        return Contents(self.listeners, self.clusters, self.endpoints, self.secrets, self.route_configurations)

    @property
    def may_hold_denials(self) -> bool:
        """Whether to search for what is denied, in all routes: while nothing has failed there is nothing."""
        return bool(self.problems)

    def guarded(self) -> frozenset[str]:
        """Return the names of the RouteConfigurations that are denied, or hold what is."""
        if not self.may_hold_denials:
            return frozenset()
        holding = (name for name, item in self.route_configurations.items() if holds_denials(item))
        return frozenset((*self.denied_configurations, *holding))

    def deny_users(self, clusters: Collection[str]) -> None:
        """Deny the routes that use any of some clusters by now; `publication` denies those that come to it later.

        Now and not then alone: a later hook could lead such a route elsewhere because its cluster is not shown.
        """
        if clusters:
            found = self.route_configurations.items()
            self.route_configurations = {name: deny_users(item, clusters) for name, item in found}

    def deny_listener(self, name: str) -> None:
        """Deny every RouteConfiguration that a listener refers to, now or as it was accepted last."""
        listener = self.denied_listeners[name] = self.listeners.pop(name)
        # Denied outweighs bypassed, or the accepted version would be kept for a listener that is not published from it.
        self.bypassed.discard((listener.type_url, name))
        part = self.part(listener)
        # Both, because either may be published: which one, and so which names Envoy asks for, is decided at the end.
        for version in (listener, part.resource) if part else (listener,):
            referred = resource_references(version)
            self.deny_configurations((name for kind, name in referred if kind == names.ROUTE_CONFIGURATION), listener)

    def deny_configurations(self, denied: Iterable[str], listener: Resource | None = None) -> None:
        """Deny RouteConfigurations as a whole, also ones that only a listener still knows of.

        Args:
            denied: their names.
            listener: lends its sources to those that the translation does not have.
        """
        for name in denied:
            current = self.route_configurations.pop(name, None)
            if name not in self.denied_configurations:
                lender = current.resource() if current else listener
                self.denied_configurations[name] = deny_configuration(name, lender.sources if lender else ())

    def deny_all(self) -> None:
        """Deny the whole Gateway; clusters and secrets stay as they were accepted for the same input."""
        self.is_denied = True
        for name in tuple(self.listeners):
            self.deny_listener(name)
        self.deny_configurations(tuple(self.route_configurations))
        # Endpoints are not among them: the Translation hook is not shown any, and addresses that are gone answer
        # nothing.
        self.clusters = {name: self.last_accepted(item) for name, item in self.clusters.items()}
        self.secrets = {name: self.last_accepted(item) for name, item in self.secrets.items()}

    def part(self, resource: Resource) -> AcceptedPart | None:
        """Return the last accepted version of a resource."""
        return self.accepted.parts.get((resource.type_url, resource.name))

    def last_accepted(self, resource: Resource) -> Resource:
        """Return a resource as it was accepted last, if that was for the same input; else as it is.

        For another input the accepted version would be something that the user has changed since: a cluster with
        addresses of the day before.
        """
        part = self.part(resource)
        source = inputs_of(self.translation, resource.type_url).get(resource.name)
        is_same_input = part is not None and part.source_body == (source.body if source else None)
        return part.resource if part is not None and is_same_input else resource


def by_key(resources: Iterable[Resource]) -> dict[Key, Resource]:
    """Index resources of any type."""
    return {(resource.type_url, resource.name): resource for resource in resources}
