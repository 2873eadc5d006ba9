"""What the files ask of the machinery that a Gateway, or a GatewayClass, runs on: for whoever starts its Envoys."""

from __future__ import annotations

from dataclasses import dataclass, field

from egxds.app.bootstrap import NodeMetadata
from egxds.app.custom_bootstrap import BootstrapError, custom_bootstrap
from egxds.app.metrics_bootstrap import with_metrics
from egxds.app.pipeline import Build
from egxds.errors import StartError
from egxds.model.api.envoy_proxy.proxy import ENVOY_PROXY, EnvoyProxySpec
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.resolve.parameters import class_target, gateway_target
from egxds.model.resolve.proxies.metrics import FoundMetrics
from egxds.model.resolve.proxies.settings import AS_NOBODY_SAYS, ProxySettings
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What is asked of an Envoy beside what it is served.

    Attributes:
        metadata: what it carries of its Gateway.
        asked: by the EnvoyProxy for it; nothing where there is none.
        proxy: that EnvoyProxy; None where there is none.
        metrics: what it comes to of what is counted; None where it says nothing of that.
    """

    metadata: NodeMetadata = field(default_factory=dict)
    asked: EnvoyProxySpec = field(default_factory=EnvoyProxySpec)
    proxy: ObjectKey | None = None
    metrics: FoundMetrics | None = None

    def usual(self, default: dict[str, object]) -> dict[str, object]:
        """Return the bootstrap where the EnvoyProxy has none of its own.

        Args:
            default: the one where there is no EnvoyProxy.
        """
        return with_metrics(default, self.metrics) if self.metrics is not None else default

    def bootstrap(self, default: dict[str, object]) -> dict[str, object]:
        """Return the bootstrap that is asked for.

        Args:
            default: the one where there is no EnvoyProxy.

        Raises:
            StartError: an Envoy would not start by it, or be served nothing.
        """
        usual = self.usual(default)
        if self.asked.bootstrap is None:
            return usual
        try:
            return custom_bootstrap(usual, self.asked.bootstrap)
        except BootstrapError as err:
            raise StartError(f"{self.proxy}: spec.bootstrap: {err}") from err


def infrastructure(build: Build, selector: str) -> Infrastructure:
    """Return what is asked of an Envoy.

    Args:
        build: what the files came to.
        selector: `NAMESPACE/GATEWAY` or a GatewayClass; one that no file has asks for nothing.

    Raises:
        StartError: an Envoy of this Gateway alone is served nothing, or nobody knows what it is to be like.
    """
    namespace, is_gateway, name = selector.partition("/")
    return _of_gateway(build, GATEWAY.key(namespace, name)) if is_gateway else _of_class(build, selector)


def _of_gateway(build: Build, key: ObjectKey) -> Infrastructure:
    gateway, resolved = build.state.of(GATEWAY).get(key), build.resolution.gateways.get(key)
    if gateway is None or resolved is None:
        return Infrastructure()
    if resolved.served_as:
        raise StartError(
            f"{key} is served together with all Gateways of its class, as mergeGateways asks for: "
            f"give --gateway-class {resolved.class_name}"
        )
    if gateway_target(gateway) is not None and not resolved.proxy.proxies:
        raise StartError(f"{gateway_target(gateway)}, which {key} names, cannot be read; `egxds validate` says why")
    said = gateway.content.infrastructure
    noted = {"labels": said.labels, "annotations": said.annotations}
    metadata = {name: entries for name, entries in noted.items() if entries}
    return _asked(resolved.proxy, next(iter(resolved.proxy.proxies), None), metadata)


def _of_class(build: Build, name: str) -> Infrastructure:
    item = build.state.of(GATEWAY_CLASS).get(GATEWAY_CLASS.key("", name))
    target = class_target(item) if item is not None else None
    if target is None:
        return Infrastructure()
    found = build.state.of(ENVOY_PROXY).get(target)
    if found is None:
        raise StartError(f"{target}, which GatewayClass {name} names, cannot be read; `egxds validate` says why")
    return _asked(build.resolution.report.proxy_settings(target) or AS_NOBODY_SAYS, target, {})


def _asked(settings: ProxySettings, proxy: ObjectKey | None, metadata: NodeMetadata) -> Infrastructure:
    return Infrastructure(metadata, settings.spec, proxy, settings.metrics)
