"""What the hooks leave of a Gateway. Pure; comes out of `egxds.hooks.plan`, goes to the snapshot and to the status.

`Accepted` is the memory between two runs. It is a value that comes in and goes out with each run, and not state of the
hooks: a run that was cancelled half-way has changed nothing, and one that is repeated comes to the same.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.errors import FailureReason
from egxds.hooks.calls import describe_manager
from egxds.resources.resource import Key, Resource, Resources
from egxds.settings.extensions import Hook, OnFailure


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
        manager: name of the extension manager.
        hook: which hook.
        subject: the resource it was about.
        reason: the class of the failure.
        message: what went wrong.
        policy: what was done: the manager's policy, or `deny` where there was nothing yet to hold.
    """

    manager: str
    hook: Hook
    subject: str
    reason: FailureReason
    message: str
    policy: OnFailure

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


@dataclass(frozen=True, slots=True)
class Accepted:
    """What all hooks accepted last, for the time in which one of them fails.

    Attributes:
        resources: the last whole state that every hook accepted, as it was published; None where there was none yet.
            `hold` publishes it.
        parts: the newest accepted listeners, clusters, endpoints and secrets, each on its own: they may be newer than
            the whole state, where a hook refuses one object for long. `deny` publishes them.
    """

    resources: Mapping[str, Resources] | None = None
    parts: Mapping[Key, AcceptedPart] = field(default_factory=dict)


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
