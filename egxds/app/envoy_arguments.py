"""The arguments that an EnvoyProxy asks for, beside the bootstrap. Pure.

Source: Envoy Gateway v1.9, which starts its Envoys with these; Envoy's command line options.
"""

from __future__ import annotations

import shlex

from egxds.model.api.envoy_proxy.process import ProxyProcess
from egxds.model.api.scalars import duration_s
from egxds.model.resolve.proxies.process import is_own_option

USUAL_LEVEL = "warning"
"""From which on an Envoy says something in its log, where nobody asks for more or less."""

_UNKNOWN_COMPONENTS = frozenset({"default", "system"})
"""Names of no part of Envoy's log: the first is all others, the second Envoy would not start with."""


def envoy_arguments(asked: ProxyProcess) -> tuple[str, ...]:
    """Return the arguments that an EnvoyProxy asks for; none that it does not."""
    level = asked.logging.level
    parts = [f"{name}:{said}" for name, said in sorted(level.items()) if name not in _UNKNOWN_COMPONENTS]
    return (
        *("--log-level", level.get("default", USUAL_LEVEL)),
        *(("--component-log-level", ",".join(parts)) if parts else ()),
        *(("--concurrency", str(asked.concurrency)) if asked.concurrency is not None else ()),
        *_drain(asked),
        *(each for each in asked.extra_args if not is_own_option(each)),
    )


def as_typed(arguments: tuple[str, ...]) -> str:
    """Return arguments as a shell takes them."""
    return shlex.join(arguments)


def _drain(asked: ProxyProcess) -> tuple[str, ...]:
    if asked.shutdown is None:
        return ()
    drain_s = round(duration_s(asked.shutdown.drain_timeout))
    return "--drain-time-s", str(drain_s), "--drain-strategy", "immediate"
