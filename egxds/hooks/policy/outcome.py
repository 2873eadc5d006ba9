"""What the hooks leave of a Gateway. Pure; comes out of `egxds.hooks.plan`, goes to the snapshot and to the status.

`Accepted` is the memory between two runs. It is a value that comes in and goes out with each run, and not state of the
hooks: a run that was cancelled half-way has changed nothing, and one that is repeated comes to the same.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from egxds import names
from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall, describe_manager
from egxds.hooks.policy.last_run import LastRun
from egxds.object_key import ObjectKey
from egxds.resources.resource import Key, Resource, Resources
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook, OnFailure

PART_TYPES = (names.LISTENER, names.CLUSTER, names.ENDPOINT, names.SECRET)
"""Types of which single resources are remembered; RouteConfigurations are denied by what they are of now."""

Consequence = OnFailure | Literal["keep"]
"""What was done about a failed call: a policy, or `keep` where what was said before to the same input stays."""

_NONE = Resources()


class Outcome(enum.Enum):
    """What is published for a Gateway.

    ACCEPTED: what all hooks made of it. DENIED: some or all of its traffic answers 500. HELD: the last state
    that all hooks accepted. BYPASSED: some of it without a hook's changes, and none of it denied.
    """

    ACCEPTED = "accepted"
    DENIED = "denied"
    HELD = "held"
    BYPASSED = "bypassed"


@dataclass(frozen=True, slots=True)
class HookProblem:
    """One failed call and what was done about it.

    Attributes:
        call: which.
        reason: the class of the failure.
        message: what went wrong.
        policy: what was done: the manager's policy, `deny` where there was nothing yet to hold, or `keep`.
        objects: what it is about, as the user wrote it.
    """

    call: HookCall
    reason: FailureReason
    message: str
    policy: Consequence
    objects: tuple[ObjectKey, ...] = field(default=(), compare=False)

    @property
    def manager(self) -> str:
        """Name of the extension manager."""
        return self.call.manager

    @property
    def hook(self) -> Hook:
        """Which hook."""
        return self.call.hook

    @property
    def subject(self) -> str:
        """The resource it was about."""
        return self.call.subject

    def __str__(self) -> str:
        return f"{self.hook.value} hook of {describe_manager(self.manager)} on {self.subject}: {self.message}"


@dataclass(frozen=True, slots=True)
class AcceptedPart:
    """One listener, cluster, secret or set of endpoints as all hooks accepted it last.

    Attributes:
        resource: what the hooks made of it.
        source_body: its body before any hook; None where an extension added it.
    """

    resource: Resource
    source_body: bytes | None


class PublishedParts(Mapping[Key, AcceptedPart]):
    """The parts of a Gateway that all hooks accepted as a whole: those that are published, each made when asked for.

    Attributes:
        resources: what is published.
        translation: what it was made from.
    """

    __slots__ = ("resources", "translation")

    def __init__(self, resources: Mapping[str, Resources], translation: GatewayTranslation) -> None:
        self.resources = resources
        self.translation = translation

    def __getitem__(self, key: Key) -> AcceptedPart:
        type_url, name = key
        if type_url not in PART_TYPES:
            raise KeyError(key)
        source = inputs_of(self.translation, type_url).get(name)
        return AcceptedPart(self.resources[type_url][name], source.body if source else None)

    def __iter__(self) -> Iterator[Key]:
        return ((type_url, name) for type_url in PART_TYPES for name in self.resources.get(type_url, _NONE))

    def __len__(self) -> int:
        return sum(len(self.resources.get(type_url, _NONE)) for type_url in PART_TYPES)


def inputs_of(translation: GatewayTranslation, type_url: str) -> Resources:
    """Return the resources of a Gateway of one of `PART_TYPES` before any hook."""
    groups = {
        names.LISTENER: translation.listeners,
        names.CLUSTER: translation.clusters,
        names.ENDPOINT: translation.endpoints,
        names.SECRET: translation.secrets,
    }
    return groups[type_url]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What all hooks accepted last, for the time in which one of them fails.

    Attributes:
        resources: the last whole state that every hook accepted, as it was published; None where there was none yet.
            `hold` publishes it.
        parts: the newest accepted listeners, clusters, endpoints and secrets, each on its own: they may be newer than
            the whole state, where a hook refuses one object for long. `deny` publishes them.
        last_run: what the last run knew, whether all hooks accepted or not.
        late: why replies could not be asked for again that stay in force for it.
    """

    resources: Mapping[str, Resources] | None = None
    parts: Mapping[Key, AcceptedPart] = field(default_factory=dict)
    last_run: LastRun = field(default_factory=LastRun, repr=False, compare=False)
    late: tuple[HookProblem, ...] = field(default=(), repr=False, compare=False)

    @property
    def has_untried(self) -> bool:
        """Whether something is to be asked again that was not come to."""
        return len(self.late) < len(self.last_run.late)

    def without(self, managers: Collection[str]) -> Accepted:
        """Return it without what some extensions have said, and without what a run could go on from."""
        late = tuple(problem for problem in self.late if problem.manager not in managers)
        return replace(self, last_run=self.last_run.without(managers), late=late)


@dataclass(frozen=True, slots=True)
class HookedGateway:
    """A Gateway's resources after the hooks.

    Attributes:
        gateway: `<namespace>/<name>`.
        class_name: its GatewayClass.
        resources: what is published: type URL → resources.
        failures: every failed call, in the order of the calls.
        outcome: what kind of state this is.
        accepted: to be given to the next run for this Gateway.
        was_hooked: whether any extension manager is set up.
    """

    gateway: str
    class_name: str
    resources: Mapping[str, Resources]
    failures: tuple[HookProblem, ...]
    outcome: Outcome
    accepted: Accepted
    was_hooked: bool

    @property
    def late(self) -> tuple[HookProblem, ...]:
        """Calls that failed in vain: what was said before to the same input stays in force."""
        return self.accepted.late
