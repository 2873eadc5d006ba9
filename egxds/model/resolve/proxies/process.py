"""What of an EnvoyProxy cannot be done by whoever starts its Envoys: bootstraps and arguments. Pure.

They are no part of what an Envoy is served, and are handed on as they are written (`egxds.app.infrastructure`). Whether
a bootstrap is one of which an Envoy comes to be served is known there, and asked here (`BootstrapCheck`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from egxds.model.api.envoy_proxy.bootstrap import ProxyBootstrap
from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.proxies.feature import ProxyFeature, Resolved

OWN_OPTIONS = frozenset(
    {
        "--base-id",
        "--base-id-path",
        "--component-log-level",
        "--concurrency",
        "--config-path",
        "--config-yaml",
        "--disable-hot-restart",
        "--drain-strategy",
        "--drain-time-s",
        "--help",
        "--hot-restart-version",
        "--log-level",
        "--mode",
        "--restart-epoch",
        "--service-cluster",
        "--service-node",
        "--use-dynamic-base-id",
        "--version",
        "-c",
        "-h",
        "-l",
    }
)
"""Those that other fields are for, or by which an Envoy would be another one than the one that is to run."""


def is_own_option(argument: str) -> bool:
    """Tell whether an argument is one of those: an option that stands there twice keeps Envoy from starting."""
    return argument.split("=", 1)[0].split(" ", 1)[0] in OWN_OPTIONS


BootstrapCheck = Callable[[ProxyBootstrap], str]
"""Returns why an Envoy would not start by a bootstrap, or be served nothing; empty where it would be served."""


def takes_every_bootstrap(_asked: ProxyBootstrap) -> str:
    """Take any bootstrap, where nobody knows what Envoys are to start by."""
    return ""


def bootstrap_faults(spec: EnvoyProxySpec, check: BootstrapCheck) -> Iterator[Fault]:
    """Say why Envoys are not to start by the bootstrap of an EnvoyProxy."""
    reason = check(spec.bootstrap) if spec.bootstrap is not None else ""
    if reason:
        message = f"bootstrap: {reason}; Envoys are not to start by it"
        yield Fault(Reason.INVALID_PARAMETERS, message, ("spec", "bootstrap"))


def _extra_args(spec: EnvoyProxySpec) -> tuple[str, ...] | None:
    return spec.extra_args or None


def _check_arguments(asked: tuple[str, ...], context: ProxyContext) -> Resolved:
    own = [each for each in asked if is_own_option(each)]
    message = f"extraArgs: {', '.join(own)} cannot be set here, and is left out; see the other fields of an EnvoyProxy"
    return Resolved(None, errors=(Fault(Reason.INVALID_PARAMETERS, message, context.path),) if own else ())


EXTRA_ARGS = ProxyFeature(("extraArgs",), _extra_args, _check_arguments)
