"""What an explanation says, and how the admin API shows it. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from egxds.inspect.explain.origins import Origin
from egxds.problems import Location
from egxds.resources.sensitive import without_secrets

Json = dict[str, object]
LocatePart = Callable[[Origin], Location | None]
"""Where something stands that a resource was made from; None where that is gone."""

_ERRORS = 400


class Outcome(enum.Enum):
    """What becomes of a request, or of a connection.

    FORWARDED, REDIRECTED, ANSWERED (by Envoy itself) and CONNECTED (to what looks at requests) are what people want.
    DENIED: it answers 500 because something that decides on access cannot be done. FAILS: what takes it has nobody to
    send it to. MISDIRECTED: it belongs to another listener. REFUSED: Envoy does not take a request like that.
    UNKNOWN: it is in the hands of what cannot be read from here.
    """

    FORWARDED = "forwarded"
    REDIRECTED = "redirected"
    ANSWERED = "answered"
    CONNECTED = "connected"
    DENIED = "denied"
    FAILS = "fails"
    NOT_FOUND = "not found"
    MISDIRECTED = "misdirected"
    REFUSED = "refused"
    CLOSED = "closed"
    UNKNOWN = "unknown"


_FINE = frozenset({Outcome.FORWARDED, Outcome.REDIRECTED, Outcome.ANSWERED, Outcome.CONNECTED})


@dataclass(frozen=True, slots=True)
class Backend:
    """A cluster that takes a share.

    Attributes:
        cluster: its name.
        share: for people, such as `75 %`; empty where it takes all.
        objects: that its endpoints come from, such as `Service default/shop`.
        endpoints: `address:port`; the first of many.
        count: how many there are.
        fault: why it serves nobody; empty where it may.
    """

    cluster: str
    share: str = ""
    objects: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    count: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Taking:
    """What takes a request, and what becomes of it there.

    Attributes:
        outcome: what becomes of it.
        text: the same for people.
        status: that Envoy answers; None where somebody else does, or nobody.
        condition: on what it depends that this takes it; empty where it does.
        name: of the route, or of what else takes it.
        origin: what that was made from.
        location: where a redirect sends to.
        path: path and query as the backend sees them.
        host: as the backend sees it.
        backends: where it goes.
    """

    outcome: Outcome
    text: str
    status: int | None = None
    condition: str = ""
    name: str = ""
    origin: Origin | None = None
    location: str = ""
    path: str = ""
    host: str = ""
    backends: tuple[Backend, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether it is what somebody may want."""
        return self.outcome in _FINE and (self.status or 0) < _ERRORS

    def only_if(self, condition: str) -> Taking:
        """Return it with what it depends on."""
        return replace(self, condition=condition)


@dataclass(frozen=True, slots=True)
class Step:
    """One that the request comes to on its way.

    Attributes:
        what: such as `virtual host`.
        name: its resource name.
        text: why it is this one.
        origin: what it was made from.
    """

    what: str
    name: str
    text: str = ""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of the request at one Gateway.

    Attributes:
        gateway: `<namespace>/<name>`; empty where no Gateway has the address.
        takings: in their order: those that depend on something, and then what takes all that is left.
        way: how it comes there.
        lost: those that were near to taking it, and why they do not.
        hints: what to look at.
    """

    gateway: str
    takings: tuple[Taking, ...]
    way: tuple[Step, ...] = ()
    lost: tuple[Step, ...] = ()
    hints: tuple[str, ...] = ()

    def describe(self, locate: LocatePart) -> Json:
        """Return it as the admin API shows it."""
        return {
            "gateway": self.gateway,
            "fine": all(taking.is_fine for taking in self.takings),
            "takes": [_taking(taking, locate) for taking in self.takings],
            "way": [_step(step, locate) for step in self.way],
            "lost": [_step(step, locate) for step in self.lost],
            "hints": list(self.hints),
        }


def with_reach(described: Json, reach: Mapping[str, Any]) -> Json:
    """Return a described answer with what Envoys say of its backends: one that they cannot reach is not fine.

    Args:
        described: as `Answer.describe` returns it.
        reach: how Envoys find the backends, as `egxds.inspect.backend_reach` has it.
    """
    takes: Any = described["takes"]
    clusters = {backend["cluster"] for taking in takes for backend in taking["backends"]}
    unreached = [fault["text"] for fault in reach["faults"] if fault["cluster"] in clusters]
    return {**described, "fine": described["fine"] and not unreached, "unreached": unreached}


def _taking(taking: Taking, locate: LocatePart) -> Json:
    return {
        "outcome": taking.outcome.value,
        "text": without_secrets(taking.text),
        "status": taking.status,
        "if": taking.condition,
        "name": taking.name,
        **_origin(taking.origin, locate),
        "location": without_secrets(taking.location),
        "path": without_secrets(taking.path),
        "host": taking.host,
        "backends": [
            {
                "cluster": backend.cluster,
                "share": backend.share,
                "objects": list(backend.objects),
                "endpoints": list(backend.endpoints),
                "endpointCount": backend.count,
                "fault": backend.fault,
            }
            for backend in taking.backends
        ],
    }


def _step(step: Step, locate: LocatePart) -> Json:
    return {"what": step.what, "name": step.name, "text": without_secrets(step.text), **_origin(step.origin, locate)}


def _origin(origin: Origin | None, locate: LocatePart) -> Json:
    place = locate(origin) if origin is not None else None
    source = {"file": place.file, "line": place.line} if place is not None else None
    return {"object": origin.text if origin is not None else "", "source": source}
